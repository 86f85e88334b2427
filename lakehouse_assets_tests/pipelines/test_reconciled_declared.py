"""Reconciling rules that nothing could ever be compared with, or that would tell too much, are found at load."""

from pathlib import Path

import pytest

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.errors import ConfigError
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import OnFailure
from lakehouse_assets_tests.lakes import ORDERS, RAW, orders_contract, shop_lake
from lakehouse_assets_tests.recorded import recorded_shop

AMOUNT = "{name: amount, logicalType: integer,"
UPSTREAM = "rule: reconciles_with_upstream, table: bronze/shop/orders"
COUNT = "'SELECT COUNT(*) FROM {object}'"


def asking(query: str, expected: str = "COUNT(*)") -> str:
    """Return a rule that compares what two queries select."""
    return f"{UPSTREAM}, query: {COUNT.replace('COUNT(*)', query)}, expected: {COUNT.replace('COUNT(*)', expected)}"


def declared(implementation: str, *, also: str = "") -> str:
    return f"[{{id: agrees, type: custom, engine: lakehouse, implementation: {implementation}{also}}}]"


def of_source(folder: Path, arguments: str, reconcile: str = "{sums: [amount]}") -> Lake:
    return recorded_shop(folder, reconcile, quality=declared(f"{{rule: reconciles_with_source, {arguments}}}"))


def of_upstream(folder: Path, arguments: str, *, classified: str = "", also: str = "") -> Lake:
    text = orders_contract(quality=declared(f"{{{arguments}}}", also=also))
    return shop_lake(folder, text.replace(AMOUNT, f"{AMOUNT} {classified}"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("measure: mean, column: amount", "LH409.*measure is 'mean'"),
        ("measure: sha256", "LH409.*hashes are compared where files land"),
        ("measure: sum", "LH409.*a sum needs a column of numbers"),
        ("measure: sum, column: note", "LH409.*a sum needs a column of numbers"),
        ("column: amount", "LH409.*rows are counted, and 'amount' is named"),
        ("tolerance: 1", "LH409.*tolerance is no share"),
        ("tolerance: -0.1", "LH409.*tolerance is no share"),
        ("tolerance: some", "LH409.*tolerance is no share"),
        ("measure: sum, column: amount, recorded: Amounts", "LH426.*does not promise to record the sum of 'Amounts'"),
        ("tolerence: 0.1", "LH402"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_found(arguments: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        of_source(tmp_path, arguments)


def test_a_source_that_promises_to_record_nothing_can_be_reconciled_with_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LH426.*'shop' does not promise to record anything of orders"):
        shop_lake(tmp_path, orders_contract(quality=declared("{rule: reconciles_with_source}")))


def test_rows_that_the_source_does_not_promise_to_record_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LH426.*does not promise to record rows"):
        of_source(tmp_path, "measure: rows", "{rows: false, sums: [amount]}")


@pytest.mark.parametrize(
    ("reconcile", "control", "told"),
    [
        ("{rows: true}", "", "LH426.*nothing says what the source recorded"),
        ("{sums: [amounts]}", "{partition}.json", "LH910.*'amounts', whose sum is recorded.*amount"),
        ("{rows: true}", "control.json", "LH426.*every partition would read the same control file"),
        ("{rows: true}", "../{partition}.json", "LH924.*control leads out of the location"),
        ("{tolerance: 1.0}", "{partition}.json", "LH203.*tolerance"),
        ("{row: true}", "{partition}.json", "LH201.*unknown key 'row'"),
    ],
)
def test_a_promise_of_a_source_that_cannot_be_kept_is_found(
    reconcile: str, control: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        recorded_shop(tmp_path, reconcile, control=control)


def test_a_batch_cannot_have_the_control_file_of_a_day(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LH921.*a batch is one file"):
        recorded_shop(tmp_path, "{rows: true}", also="    load: append_once\n")


def test_sums_of_a_source_that_forgets_rows_cannot_be_compared(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path)
    source = lake.settings.config_dir / "sources/shop.yaml"
    source.write_text(source.read_text().replace("retryPolicy", "replay: state\nretryPolicy"))

    from lakehouse_assets.pipeline.lake import open_lake  # noqa: PLC0415 - after the configuration was changed

    with pytest.raises(ConfigError, match=r"LH426.*sums of a source with replay: state"):
        open_lake(lake.settings)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (f"rule: reconciles_with_upstream, table: silver/orders, query: {COUNT}, expected: {COUNT}", "LH426.*computed"),
        (asking("SUM(nothing)"), "LH424.*no column"),
        (asking("COUNT(*)", "SUM(nothing)"), "LH424.*expected.*no column"),
        (asking("COUNT(*)", "amount"), "LH425.*expected"),
        (f"{UPSTREAM}, query: {COUNT}, expected: 'DROP TABLE x'", "LH42"),
        (f"{UPSTREAM}, query: {COUNT}", "LH403.*expected"),
        (f"{UPSTREAM}, query: {COUNT}, expected: {COUNT}, tolerance: 2", "LH409.*tolerance"),
    ],
)
def test_a_query_that_could_not_be_asked_is_found_on_either_side(arguments: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        of_upstream(tmp_path, arguments)


@pytest.mark.parametrize("query", ["SUM(amount)", "MAX(amount + 1)", "SUM(CASE WHEN amount > 1 THEN amount END)"])
def test_numbers_made_of_classified_values_are_not_kept(query: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LH422.*amount is confidential"):
        of_upstream(tmp_path, asking(query), classified="classification: confidential,")


def test_the_sum_of_a_classified_column_is_not_held_against_the_source(tmp_path: Path) -> None:
    text = orders_contract(quality=declared("{rule: reconciles_with_source, measure: sum, column: amount}"))

    with pytest.raises(ConfigError, match=r"LH422.*amount is confidential"):
        shop_lake(tmp_path, text.replace(AMOUNT, f"{AMOUNT} classification: confidential,"))


@pytest.mark.parametrize("query", ["COUNT(DISTINCT amount)", "COUNT(*) FILTER (WHERE amount > 1)"])
def test_classified_values_may_be_counted_and_compared(query: str, tmp_path: Path) -> None:
    of_upstream(tmp_path, asking(query), classified="classification: confidential,")


def test_reconciling_rules_block_unless_a_contract_only_wants_to_be_told(tmp_path: Path) -> None:
    lake = of_upstream(tmp_path, asking("COUNT(*)"))

    (spec,) = [spec for spec in lake.contract(ORDERS).rules if spec.kind is RuleKind.RECONCILED]
    assert spec.on_failure is OnFailure.BLOCK


@pytest.mark.parametrize("key", ["onFailure, value: quarantine", "scope, value: table"])
def test_they_refuse_no_single_rows_and_are_about_partitions(key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LH413"):
        of_upstream(
            tmp_path,
            asking("COUNT(*)"),
            also=f", customProperties: [{{property: lakehouse.{key}}}]",
        )


def test_what_a_source_promises_becomes_rules_of_bronze(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "{sums: [amount], sha256: true, tolerance: 0.05}")

    specs = [spec for spec in lake.contract(RAW).rules if spec.kind is RuleKind.RECONCILED]

    assert {spec.id: spec.arguments["tolerance"] for spec in specs} == {
        "rows_reconcile": 0.05,
        "amount.sum_reconciles": 0.05,
        "sha256_reconciles": 0.05,
    }
    assert {spec.on_failure for spec in specs} == {OnFailure.BLOCK}
