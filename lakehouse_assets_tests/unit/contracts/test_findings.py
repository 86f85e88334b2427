"""Every finding code has a configuration that triggers it, at the line where the fault is."""

from collections.abc import Mapping

import pytest

from lakehouse_assets.contracts.vocabulary import Vocabulary
from lakehouse_assets.documents.codes import CODES
from lakehouse_assets.documents.findings import Finding, Spot
from lakehouse_assets.naming import TableName
from lakehouse_assets.settings import SourceOverlay
from lakehouse_assets_tests.configuration import FILES, ORDERS, RULES, SALES, SOURCE, changed, load
from lakehouse_assets_tests.faults import CASES, TIER
from lakehouse_assets_tests.rule_faults import PATTERN


def lines_of(text: str, marker: str) -> set[int]:
    return {text.count("\n", 0, at) + 1 for at in range(len(text)) if text.startswith(marker, at)}


@pytest.mark.parametrize(("code", "path", "old", "new", "marker"), CASES)
def test_a_fault_is_found_at_its_line(code: str, path: str, old: str, new: str, marker: str) -> None:
    files = changed(path, old, new)
    where, _, inner = marker.rpartition(".odcs.yaml:")
    there = path if not where else ORDERS
    expected = lines_of(files[there], inner or new.strip("\n"))

    found = load(files)[1]

    assert [
        each for each in found if each.code == code and each.spot.path.endswith(there) and each.spot.line in expected
    ], "\n".join(map(str, found))


def test_the_faultless_configuration_has_no_findings() -> None:
    assert load()[1] == ()


def only(found: tuple[Finding, ...], code: str) -> Finding:
    return next(each for each in found if each.code == code)


def test_a_table_without_columns_is_found() -> None:
    head, _, tail = FILES[SALES].partition("    properties:\n")
    rest = tail[tail.index("    customProperties:") :]

    codes = {each.code for each in load({**FILES, SALES: f"{head}    properties: []\n{rest}"})[1]}

    assert {"LH307", "LH610"} <= codes


def test_a_table_without_rules_is_an_error() -> None:
    found = load(changed(SALES, "        required: true\n        primaryKey: true\n", ""))[1]
    without = changed(SALES, "        relationships:\n          - {type: foreignKey, to: orders.order_id}\n", "")
    text = without[SALES].replace("        required: true\n        primaryKey: true\n", "")

    told = only(load({**FILES, SALES: text})[1], "LH411")

    assert told.is_error
    assert "LH411" not in {each.code for each in found}


def test_a_gold_table_needs_a_function() -> None:
    rules = {rule.name: rule for rule in RULES}

    found = load(vocabulary=Vocabulary(rules=rules, source_kinds={"files": "x"}))[1]

    assert [each.code for each in found] == ["LH605"]


def test_a_function_that_reads_other_tables_than_the_contract_is_found() -> None:
    rules = {rule.name: rule for rule in RULES}
    transforms = {TableName("gold", ("sales",)): ("orders", "customers")}

    found = load(vocabulary=Vocabulary(rules=rules, source_kinds={"files": "x"}, transforms=transforms))[1]

    assert [each.code for each in found] == ["LH606"]


def test_tables_that_are_made_from_each_other_are_found() -> None:
    again = "contracts/silver/again.odcs.yaml"
    text = FILES[ORDERS].replace("silver.orders", "silver.again").replace("name: orders", "name: again")
    files = {
        **FILES,
        ORDERS: FILES[ORDERS].replace("bronze.shop.lines.State", "silver.again.state"),
        again: text.replace("orders.ordered_at", "again.ordered_at").replace(
            "bronze.shop.lines.State", "silver.orders.state"
        ),
    }

    found = only(load(files)[1], "LH604")

    assert "silver/again" in found.message
    assert "silver/orders" in found.message


def test_upstreams_without_a_common_calendar_are_found() -> None:
    other = FILES[SOURCE].replace("source: shop", "source: web").replace('ends: "2010-12-31"', 'ends: "2010-12-30"')
    clicks = FILES[ORDERS].replace("silver.orders", "silver.clicks").replace("name: orders", "name: clicks")
    files = {
        **FILES,
        "sources/web.yaml": other,
        "contracts/silver/clicks.odcs.yaml": clicks.replace("bronze.shop", "bronze.web").replace(
            "orders.ord", "clicks.ord"
        ),
        SALES: FILES[SALES].replace("[silver.orders.order_id]", "[silver.orders.order_id, silver.clicks.order_id]"),
    }

    assert "LH510" in {each.code for each in load(files)[1]}


def test_a_misplaced_file_is_found() -> None:
    found = load({**FILES, "contracts/silver/Orders.yml": FILES[ORDERS], "sources/shop2.yml": FILES[SOURCE]})[1]

    assert [each.code for each in found] == ["LH213", "LH213"]


def test_a_table_named_like_one_of_another_layer_is_a_warning() -> None:
    text = FILES[SALES].replace("name: sales\n", "name: stg_sales\n").replace("gold.sales", "gold.stg_sales")
    files = {
        **{path: body for path, body in FILES.items() if path != SALES},
        "contracts/gold/stg_sales.odcs.yaml": text,
    }

    assert "LH702" in {each.code for each in load(files)[1]}


def test_a_setting_for_an_unknown_source_is_found() -> None:
    overlay = SourceOverlay(connection={}, calendar={}, spot=Spot("config/environments/demo.yaml", 4, 1))

    found = only(load(overlays={"shp": overlay})[1], "LH907")

    assert found.spot.line == 4
    assert found.hint == "Did you mean 'shop'?"


@pytest.mark.parametrize("runbook", ["file", "address"])
def test_a_runbook_makes_tier_one_complete(runbook: str) -> None:
    tier = "  - {property: lakehouse.tier, value: 1}\n"
    address = "  - {property: lakehouse.runbook, value: 'https://example.com/orders'}\n"
    files = changed(ORDERS, TIER, tier + (address if runbook == "address" else ""))

    found = load(files, runbooks=frozenset({"orders"} if runbook == "file" else ()))[1]

    assert found == ()


def test_all_files_are_judged_at_once() -> None:
    files: Mapping[str, str] = {
        **FILES,
        SOURCE: FILES[SOURCE].replace("cadence: daily", "cadence: dayly"),
        ORDERS: FILES[ORDERS].replace("status: active", "statsu: active").replace(PATTERN, r"pattern: '\d+'"),
        SALES: FILES[SALES].replace("to: orders.order_id", "to: orders.id"),
    }

    assert {each.code for each in load(files)[1]} == {"LH902", "LH201", "LH408", "LH607"}


def test_a_broken_table_is_not_blamed_on_those_that_read_it() -> None:
    files = {**FILES, ORDERS: "not: [a contract", SOURCE: FILES[SOURCE].replace("cadence: daily\n", "")}

    codes = {each.code for each in load(files)[1]}

    assert codes == {"LH101", "LH202"}


def test_the_nearest_name_is_offered() -> None:
    found = only(load(changed(ORDERS, "rule: not_after", "rule: not_aftr"))[1], "LH401")

    assert str(found) == (
        "config/contracts/silver/orders.odcs.yaml:43:9: error LH401: unknown rule 'not_aftr'. Did you mean 'not_after'?"
    )


OF_YAML = {code for code in CODES if code.startswith("LH1")} | {"LH210"}
ELSEWHERE = {"LH426", "LH307", "LH411", "LH510", "LH604", "LH605", "LH610", "LH702", "LH213", "LH907", "LH926"}
OF_ENTITIES = {f"LH{number}" for number in range(521, 532)}
OF_WAIVERS = {f"LH{number}" for number in range(811, 817)}
OF_ENGINES = {"LH533", "LH922", "LH923"}
OF_TIME = {"LH421", "LH422"}


def test_every_code_has_a_test() -> None:
    elsewhere = OF_YAML | ELSEWHERE | OF_ENTITIES | OF_WAIVERS | OF_ENGINES | OF_TIME

    assert set(CODES) == {case[0] for case in CASES} | elsewhere
