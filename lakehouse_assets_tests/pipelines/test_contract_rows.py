"""The commands that make rows from contracts, on the contracts of this repository."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.built_in_canaries import built_in_canaries
from lakehouse_assets.pipeline.canaries import NOTHING, SINGS, Canary, canaries
from lakehouse_assets_tests.parity.catalog import CATALOG, CONTRACTS, RULES
from lakehouse_assets_tests.repository import ROOT

pytestmark = pytest.mark.integration

LINES = "silver/retail_order_lines"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of our configuration that commands read."""
    copy = tmp_path / "config"
    shutil.copytree(ROOT / "config", copy)
    monkeypatch.setenv("LAKEHOUSE_CONFIG_DIR", str(copy))
    return copy


def ask(*words: str) -> Result:
    return CliRunner().invoke(build_app(), ["contract", *words])


@pytest.mark.parametrize("table", CONTRACTS, ids=str)
def test_every_rule_of_our_contracts_rejects_what_it_should(table: TableName) -> None:
    found: list[Canary] = [*canaries(CONTRACTS[table], RULES)]

    assert [one for one in found if one.verdict not in {SINGS, NOTHING}] == []
    assert len(found) == len(CONTRACTS[table].rules)


@pytest.mark.parametrize("table", CONTRACTS, ids=str)
def test_every_built_in_rule_of_our_contracts_rejects_what_it_should(table: TableName) -> None:
    contract = CONTRACTS[table]
    landed = [name for name in contract.upstreams if name.layer == "bronze"]
    found = built_in_canaries(contract, CATALOG.source_table(landed[0]) if landed else None)

    assert [one for one in found if one.verdict not in {SINGS, NOTHING}] == []
    assert {one.rule_id for one in found} >= {
        "ledger_balances",
        "quarantine_ratio",
        "empty_partition",
        "rules_executed",
    }


def test_the_command_tells_every_rule_and_succeeds_when_all_are_proven(config: Path) -> None:
    told, as_json = ask("test", LINES), ask("test", LINES, "--json")

    assert (told.exit_code, as_json.exit_code) == (0, 0)
    proven = json.loads(as_json.output)
    assert f"{len(proven)} of {len(proven)} rules keep their word." in told.output
    assert {each["verdict"] for each in proven} <= {SINGS, NOTHING}
    assert {"quantity.parse", "quantity.between", "well_formed", "too_late", "ledger_balances", "rules_executed"} <= {
        each["rule_id"] for each in proven
    }


def test_a_rule_that_nothing_can_break_fails_the_command(config: Path) -> None:
    path = config / "contracts" / f"{LINES}.odcs.yaml"
    text = path.read_text()
    path.write_text(text.replace("{rule: between, min: -10000, max: 10000}", "{rule: between, min: -2147483648}"))

    told = ask("test", LINES)

    assert isinstance(told.exception, LakehouseError)
    assert "quantity_is_plausible" in told.output
    assert "no canary" in str(told.exception)
    assert "lakehouse.example" in str(told.exception)


@pytest.mark.parametrize("ending", ["parquet", "csv", "ndjson"])
def test_rows_are_written_for_the_tests_of_others(config: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"

    told = ask("sample", LINES, "--rows", "120", "--output", str(path))

    scan: Callable[[Path], pl.LazyFrame] = getattr(pl, f"scan_{ending}")
    read = scan(path).collect()
    assert told.exit_code == 0
    assert read.height == 120
    assert set(read["quantity"]) & {0} == set()


def test_a_violation_is_shown_with_the_rule_and_the_row(config: Path) -> None:
    told = ask("sample", LINES, "--breaks", "quantity.between")

    assert "Bad: row 1. Also broken: quantity_is_plausible." in told.output


def test_a_file_of_another_kind_is_refused(config: Path, tmp_path: Path) -> None:
    told = ask("sample", LINES, "--output", str(tmp_path / "rows.xlsx"))

    assert "Write .parquet, .csv or .ndjson." in str(told.exception)
