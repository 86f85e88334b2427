"""Exchange rates from the real history to silver, through Dagster; what the example says is what is run."""

import shutil
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from lakehouse_assets.defs.build import build_definitions
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.source_check import check_source
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.lakes import rows_of, run, statuses
from lakehouse_assets_tests.repository import ROOT

pytestmark = pytest.mark.integration
RAW, RATES = TableName.parse("bronze/fx/rates"), TableName.parse("silver/fx_rates")
# A working day, Good Friday, a Saturday, Easter Sunday and Monday, a working day.
DAYS = ("2024-03-28", "2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01", "2024-04-02")
HISTORY = Path(str(files("currency_converter") / "eurofxref-hist.zip"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "examples" / "fx", tmp_path / "config", dirs_exist_ok=True)
    return tmp_path / "config"


def settings_of(config: Path, monkeypatch: pytest.MonkeyPatch, location: Path = HISTORY) -> dict[str, str]:
    monkeypatch.setenv("FX_RATES", str(location))
    return {"LAKEHOUSE_ROOT": str(config.parent / "lake"), "LAKEHOUSE_RUN_LOG": "off"}


def corrected(lake: Lake, config: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Deliver another history and run its day again."""
    (config.parent / "rates.csv").write_text(text, encoding="utf-8")
    monkeypatch.setenv("FX_RATES", str(config.parent / "rates.csv"))
    run(lake, RAW, DAYS[0])


def test_the_example_is_materialised_through_dagster(
    config: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = settings_of(config, monkeypatch)
    job = build_definitions(load_settings(environ, config)).resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(RAW.parts), dg.AssetKey(RATES.parts)]
    tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}

    done = job.execute_in_process(instance=instance, asset_selection=keys, tags=tags)

    assert done.success
    found = rows_of(open_lake(load_settings(environ, config)), RATES)
    pl.read_csv(zip_text(), infer_schema=False).write_csv(config.parent / "oracle.csv")
    told = duckdb.sql(
        f"SELECT Date::DATE, currency, rate::DECIMAL(18,8) FROM (UNPIVOT (FROM read_csv('{config.parent}/oracle.csv',"  # noqa: S608 - own
        " all_varchar=true)) ON COLUMNS(* EXCLUDE (Date)) INTO NAME currency VALUE rate)"
        f" WHERE Date BETWEEN '{DAYS[0]}' AND '{DAYS[-1]}' AND rate <> 'N/A' AND length(currency) = 3"
    )
    assert told is not None
    assert sorted(found.select("rate_date", "currency", "rate").rows()) == sorted(told.fetchall())
    assert {day.isoformat() for day in found["rate_date"]} == {DAYS[0], DAYS[-1]}


def zip_text() -> bytes:
    from zipfile import ZipFile  # noqa: PLC0415

    with ZipFile(HISTORY) as archive:
        return archive.read(archive.namelist()[0])


def test_a_correction_restates_a_day_and_nothing_that_was_said_vanishes(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = open_lake(load_settings(settings_of(config, monkeypatch), config))
    run(lake, RAW, DAYS[0])
    before = rows_of(lake, RAW).height

    corrected(lake, config, monkeypatch, f"Date,USD,\n{DAYS[0]},9.9999,\n")
    found = run(lake, RATES, DAYS[0])

    rates = dict(rows_of(lake, RATES).select("currency", "rate").rows())
    assert statuses(found) == {DAYS[0]: "published"}
    assert rates["USD"] == Decimal("9.99990000")
    assert len(rates) == before


def test_a_check_asks_the_bank_and_lands_nothing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(load_settings(settings_of(config, monkeypatch), config))

    (found,) = check_source(lake, "fx", partition=DAYS[0], rows=1)

    assert (found.error, found.read) == ("", 30)
    assert [(one.name, one.shape) for one in found.columns][:2] == [("date", "9999-99-99"), ("currency", "aaa")]
    assert list(found.rows[0]) == ["date", "currency", "rate"]
    assert lake.open(RAW) is None


def test_a_check_of_files_says_which_day_is_missing(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RETAIL_DROP", str(tmp_path))
    lake = open_lake(load_settings(settings_of(config, monkeypatch), config))

    found = list(check_source(lake, "retail", partition="2011-12-08"))

    assert [one.table for one in found] == ["bronze/retail/order_lines", "bronze/retail/customers"]
    assert all("missing: " in one.error for one in found)
