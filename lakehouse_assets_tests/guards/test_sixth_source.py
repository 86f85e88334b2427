"""Another source of a known kind is one YAML file: no Python, no second list. Proven through Dagster."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.defs.build import build_definitions
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.doubles.api import Api, orders, serving
from lakehouse_assets_tests.lakes import rows_of
from lakehouse_assets_tests.repository import ROOT

pytestmark = pytest.mark.integration
TABLE, DAY = TableName.parse("bronze/webshop/orders"), "2026-01-05"
SIXTH = """\
source: webshop
kind: rest
owner: shop@example.com
connection: {url: "${SHOP_URL}", allowedHosts: 127.0.0.1}
cadence: daily_morning
calendar: {starts: "2026-01-01"}
tables:
  orders:
    columns: {id: text, amount: text, note: text}
    options: {path: link, params: {day: "{partition}"}, paging: {by: link}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def materialise(config: Path, instance: dg.DagsterInstance) -> bool:
    environ = {"LAKEHOUSE_ROOT": str(config.parent / "lake"), "LAKEHOUSE_RUN_LOG": "off"}
    definitions = build_definitions(load_settings(environ, config))
    job = definitions.resolve_implicit_global_asset_job_def()
    key = dg.AssetKey(TABLE.parts)
    done = job.execute_in_process(instance=instance, asset_selection=[key], partition_key=DAY, raise_on_error=False)
    return done.success


def test_a_sixth_source_is_one_yaml_file(
    config: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config / "sources" / "webshop.yaml").write_text(SIXTH, encoding="utf-8")
    with serving(Api(orders(5))) as api:
        monkeypatch.setenv("SHOP_URL", api.url)

        assert materialise(config, instance)

    environ = {"LAKEHOUSE_ROOT": str(config.parent / "lake"), "LAKEHOUSE_RUN_LOG": "off"}
    found = rows_of(open_lake(load_settings(environ, config)), TABLE)
    assert sorted(found["amount"]) == ["1.10", "2.10", "3.10", "4.10", "5.10"]
    assert {one.query["day"] for one in api.asked if "at" not in one.query} == {DAY}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("path: link", "pathh: link", "LH201"),
        ("path: link, ", "", "LH202"),
        ("by: link", "by: links", "LH203"),
        ("allowedHosts", "allowedhost", "LH201"),
        ("url:", "auth:", "LH202"),
        ("path: link", 'path: "https://elsewhere/"', "LH203"),
    ],
)
def test_what_its_kind_does_not_know_is_told_when_it_is_loaded(old: str, new: str, told: str, config: Path) -> None:
    assert SIXTH.count(old) == 1
    (config / "sources" / "webshop.yaml").write_text(SIXTH.replace(old, new), encoding="utf-8")

    with pytest.raises(Exception, match=rf"sources/webshop\.yaml:\d+:\d+.*{told}"):
        open_lake(load_settings({"LAKEHOUSE_ROOT": str(config.parent / "lake")}, config))
