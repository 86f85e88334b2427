"""Rules over time that could never look back, or would keep what must not be kept, are found when contracts load."""

from pathlib import Path

import pytest

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.errors import ConfigError
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.results import OnFailure, Severity
from lakehouse_assets_tests.lakes import ORDERS, orders_contract, shop_lake

LOAD = "{identicalRows: keep}"
AMOUNT = "{name: amount, logicalType: integer,"


def declared(folder: Path, implementation: str, *, also: str = "", load: str = LOAD, classified: str = "") -> Lake:
    """Return the lake of a shop that declares one rule about its orders."""
    rule = f"[{{id: watched, type: custom, engine: lakehouse, implementation: {implementation}{also}}}]"
    text = orders_contract(load, quality=rule)
    classification = f"{AMOUNT} classification: {classified}," if classified else AMOUNT
    return shop_lake(folder, text.replace(AMOUNT, classification))


@pytest.mark.parametrize(
    ("implementation", "code", "told"),
    [
        ("{rule: metric_anomaly, column: amount, metric: max}", "LH409", "must be one of sum, mean, null_share"),
        ("{rule: metric_anomaly, column: note, metric: mean}", "LH409", "looks at numbers; note is string"),
        ("{rule: volume_anomaly, method: guess}", "LH409", "must be one of seasonal, z_score"),
        ("{rule: volume_anomaly, warn: 6}", "LH406", "would fail before it warns"),
        ("{rule: volume_anomaly, fail: often}", "LH409", "must be a number above zero"),
        ("{rule: volume_anomaly, partitions: 3}", "LH409", "would learn from fewer than 7 partitions"),
        ("{rule: psi, column: changed_at}", "LH409", "looks at numbers, text and booleans"),
        ("{rule: kolmogorov_smirnov, column: note}", "LH409", "looks at numbers; note is string"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_found(implementation: str, code: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{code}.*{told}"):
        declared(tmp_path, implementation)


def test_a_table_that_is_one_partition_has_no_history(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LH421.*'watched' compares partitions, and silver/orders has only one"):
        declared(tmp_path, "{rule: volume_anomaly}", load="{mode: snapshot}")


@pytest.mark.parametrize("rule", ["{rule: metric_anomaly, column: amount, metric: sum}", "{rule: psi, column: amount}"])
def test_of_a_classified_column_no_statistics_are_kept(rule: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LH422.*amount, which is confidential.*null_share"):
        declared(tmp_path, rule, classified="confidential")


def test_how_many_values_a_classified_column_lacks_may_be_watched(tmp_path: Path) -> None:
    declared(tmp_path, "{rule: metric_anomaly, column: amount, metric: null_share}", classified="confidential")


def test_a_rule_over_time_alerts_with_the_severity_of_an_error_and_keeps_nothing_back(tmp_path: Path) -> None:
    lake = declared(tmp_path, "{rule: volume_anomaly}")

    (spec,) = [spec for spec in lake.contract(ORDERS).rules if spec.kind is RuleKind.OVER_TIME]
    assert (spec.severity, spec.on_failure) == (Severity.ERROR, OnFailure.KEEP)


@pytest.mark.parametrize("key", ["onFailure, value: block", "scope, value: table"])
def test_it_cannot_block_and_cannot_be_about_a_whole_table(key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LH413"):
        declared(tmp_path, "{rule: volume_anomaly}", also=f", customProperties: [{{property: lakehouse.{key}}}]")


def test_a_weekday_is_no_holiday(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    source = lake.settings.config_dir / "sources/shop.yaml"
    source.write_text(source.read_text().replace('ends: "2010-12-31"', 'ends: "2010-12-31", holidays: [friday]'))

    with pytest.raises(ConfigError, match=r"LH905.*'friday' is no holiday"):
        open_lake(lake.settings)
