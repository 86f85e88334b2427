"""Waivers and overrides: what a file may say, what is wrong with one at which line, and when an entry has an effect."""

from datetime import UTC, date, datetime, timedelta

import pytest

from lakehouse_assets.contracts.exemption import Exemption, ExemptionKind, in_force
from lakehouse_assets.contracts.model import Catalog, Column, ColumnType, Contract, Kind, ParseOptions
from lakehouse_assets.contracts.waiver_file import NEVER, OVERRIDABLE, WAIVABLE_OF_COLUMNS, known_rules
from lakehouse_assets.documents.findings import Finding
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.entities.rules import NO_GAP, NO_OVERLAP, ONE_CURRENT, ONE_ROW, ROWS_CARRIED
from lakehouse_assets.quality.parse import parse_columns
from lakehouse_assets.results import OnFailure
from lakehouse_assets_tests.configuration import FILES, load

ORDERS = TableName("silver", ("orders",))
PATH = "waivers/silver/orders.yaml"
WAIVER = """\
waivers:
  - rule: line_amount.between
    partitions: ["2010-12-01", "2010-12-06...2010-12-08"]
    owner: ada@example.com
    reason: The till rounded up; finance knows.
    expires: "2999-12-31"
"""
OVERRIDE = """\
overrides:
  - rules: [quarantine_ratio]
    partitions: ["2010-12-02"]
    owner: ada@example.com
    reason: Half a day is better than none.
    expires: "2999-12-31"
"""


def found_in(text: str, path: str = PATH) -> list[Finding]:
    return list(load({**FILES, path: text})[1])


def read(text: str) -> tuple[Exemption, ...]:
    catalog, findings = load({**FILES, PATH: text})
    assert findings == ()
    return catalog.waivers[ORDERS]


def test_a_file_says_what_is_accepted_by_whom_and_until_when() -> None:
    waiver, override = read(WAIVER + OVERRIDE)

    days = ("2010-12-01", "2010-12-06...2010-12-08")
    assert (waiver.kind, waiver.rules, waiver.partitions) == (ExemptionKind.WAIVER, ("line_amount.between",), days)
    assert (override.kind, override.rules) == (ExemptionKind.OVERRIDE, ("quarantine_ratio",))
    assert (override.owner, override.reason) == ("ada@example.com", "Half a day is better than none.")
    assert (override.expires_on, override.place) == (date(2999, 12, 31), "config/waivers/silver/orders.yaml:8")


def test_columns_stand_for_their_rules_of_that_name() -> None:
    text = WAIVER.replace("rule: line_amount.between", "rule: parse\n    columns: [line_amount, ordered_at]")

    assert read(text)[0].rules == ("line_amount.parse", "ordered_at.parse")


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("    owner: ada@example.com\n", "", "LH811", 2),
        ("owner: ada@example.com", "owner: '  '", "LH811", 4),
        ("    reason: The till rounded up; finance knows.\n", "", "LH811", 2),
        ('    expires: "2999-12-31"\n', "", "LH811", 2),
        ("rule: line_amount.between", "rule: line_amount.betwen", "LH812", 2),
        ("rule: line_amount.between", "rule: between\n    columns: [line_amont]", "LH812", 2),
        ('"2010-12-01"', '"2010-12-04"', "LH813", 3),
        ('"2010-12-01"', '"2011-12-01"', "LH813", 3),
        ('"2010-12-01"', '"0"', "LH813", 3),
        ("2010-12-06...2010-12-08", "2010-12-08...2010-12-06", "LH813", 3),
        ("2010-12-06...2010-12-08", "2010-12-24...2010-12-25", "LH813", 3),
        ("rule: line_amount.between", "rule: state_is_upper", "LH814", 2),
        ("rule: line_amount.between", "rule: row_count", "LH814", 2),
        ("rule: line_amount.between", "rule: ledger_balances", "LH814", 2),
        ("2999-12-31", "2001-01-01", "LH815", 6),
        ("2999-12-31", "31/12/2999", "LH203", 6),
        ("reason:", "reasn: x\n    reason:", "LH201", 5),
    ],
)
def test_what_is_wrong_with_a_waiver_is_told_with_its_line(old: str, new: str, code: str, line: int) -> None:
    assert WAIVER.count(old) == 1

    found = found_in(WAIVER.replace(old, new))

    assert [(one.code, one.spot.path, one.spot.line) for one in found if one.code == code] == [
        (code, "config/waivers/silver/orders.yaml", line)
    ]


@pytest.mark.parametrize("rule", sorted(NEVER))
def test_what_means_loss_can_never_be_overridden(rule: str) -> None:
    assert [one.code for one in found_in(OVERRIDE.replace("quarantine_ratio", rule))] == ["LH814"]


def test_the_invariants_of_entities_are_among_them() -> None:
    assert {ONE_ROW, NO_OVERLAP, NO_GAP, ONE_CURRENT, ROWS_CARRIED} <= NEVER


@pytest.mark.parametrize("rule", ["line_amount.between", "state_is_upper"])
def test_only_rules_that_block_are_overridden(rule: str) -> None:
    assert [one.code for one in found_in(OVERRIDE.replace("quarantine_ratio", rule))] == ["LH814"]


@pytest.mark.parametrize("rule", [*sorted(OVERRIDABLE), "row_count"])
def test_rules_that_block_can_be_overridden(rule: str) -> None:
    assert found_in(OVERRIDE.replace("quarantine_ratio", rule)) == []


def test_an_override_names_its_partitions() -> None:
    found = found_in(OVERRIDE.replace('    partitions: ["2010-12-02"]\n', ""))

    assert [one.code for one in found] == ["LH202"]


def test_an_expired_entry_is_a_warning_and_stays_in_the_catalog() -> None:
    catalog, (finding,) = load({**FILES, PATH: WAIVER.replace("2999-12-31", "2001-01-01")})

    assert not finding.is_error
    assert catalog.waivers[ORDERS][0].expires_on == date(2001, 1, 1)


@pytest.mark.parametrize("path", ["waivers/orders.yaml", "waivers/silver/orders.yml", "waivers/silver/Orders.yaml"])
def test_a_file_in_the_wrong_place_is_found(path: str) -> None:
    assert [one.code for one in found_in(WAIVER, path)] == ["LH213"]


def test_a_file_of_an_unknown_table_is_found_and_the_nearest_offered() -> None:
    (found,) = found_in(WAIVER, "waivers/silver/ordres.yaml")

    assert (found.code, found.hint) == ("LH816", "Did you mean 'silver/orders'?")


def test_a_broken_contract_is_not_blamed_on_its_waivers() -> None:
    broken = {**FILES, "contracts/silver/orders.odcs.yaml": "not: [a contract", PATH: WAIVER}

    assert "LH816" not in {one.code for one in load(broken)[1]}


def test_arriving_tables_have_overrides_too() -> None:
    text = OVERRIDE.replace("quarantine_ratio", "row_bounds")
    catalog, findings = load({**FILES, "waivers/bronze/shop/lines.yaml": text})

    assert findings == ()
    assert catalog.waivers[TableName.parse("bronze/shop/lines")][0].rules == ("row_bounds",)


def test_the_last_day_still_counts_and_the_next_does_not() -> None:
    one = Exemption(ExemptionKind.WAIVER, ("r",), (), "ada", "why", date(2026, 3, 31))

    assert in_force([one], ExemptionKind.WAIVER, "any", date(2026, 3, 31)) == [one]
    assert in_force([one], ExemptionKind.WAIVER, "any", date(2026, 4, 1)) == []
    assert in_force([one], ExemptionKind.OVERRIDE, "any", date(2026, 3, 31)) == []


@pytest.mark.parametrize(
    ("day", "covered"),
    [("2010-12-01", True), ("2010-12-02", False), ("2010-12-06", True), ("2010-12-08", True), ("2010-12-09", False)],
)
def test_partitions_are_named_one_by_one_and_as_ranges(day: str, *, covered: bool) -> None:
    assert read(WAIVER)[0].covers(day) is covered


def test_every_rule_of_parsing_that_refuses_rows_can_be_waived() -> None:
    columns = [Column(f"c{number}", kind) for number, kind in enumerate(_kinds())]
    columns += [Column("zoned", ColumnType(Kind.TIMESTAMP), parse=ParseOptions(timezone="Europe/London"))]

    rules = parse_columns(columns, {column.name: f"raw_{column.name}" for column in columns}).rules

    refusing = {rule.spec.id.partition(".")[2] for rule in rules if rule.spec.on_failure is OnFailure.QUARANTINE}
    assert refusing == WAIVABLE_OF_COLUMNS


def test_rules_of_a_contract_are_known_with_what_they_do() -> None:
    known = known_rules(_orders(load()[0]))

    assert known["row_count"] is OnFailure.BLOCK
    assert known["state_is_upper"] is OnFailure.KEEP
    assert known["order_id.matches"] is OnFailure.QUARANTINE


def test_what_expires_today_is_not_expired() -> None:
    today = datetime.now(UTC).date()
    tomorrow = today + timedelta(days=1)  # midnight may come between the two looks at the clock

    assert found_in(WAIVER.replace("2999-12-31", tomorrow.isoformat())) == []


def _orders(catalog: Catalog) -> Contract:
    return catalog.contract(ORDERS)


def _kinds() -> list[ColumnType]:
    return [ColumnType(kind, 9, 2) if kind is Kind.DECIMAL else ColumnType(kind) for kind in Kind]
