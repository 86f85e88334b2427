"""The event log of an instance on SQLite, as a step leaves it open."""

from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.defs import preview

pytestmark = pytest.mark.integration


def test_while_it_is_held_open_events_are_written_and_no_file_is_closed_for_good(tmp_path: Path) -> None:
    log = tmp_path / "history/runs/index.db-wal"
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
        closed_before = not log.exists()

        with preview.held_open(instance, "a run that never wrote"):
            instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
            stays_open = log.exists()

        assert (closed_before, stays_open, log.exists()) == (True, True, False)
        assert len(instance.fetch_materializations(dg.AssetKey("orders"), limit=5).records) == 2


def test_an_instance_without_files_has_nothing_to_hold(instance: dg.DagsterInstance) -> None:
    with preview.held_open(instance, "a run"):
        instance.report_runless_asset_event(dg.AssetMaterialization("orders"))

    assert instance.get_latest_materialization_event(dg.AssetKey("orders")) is not None
