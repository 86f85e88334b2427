"""From Dagster's event log to incidents: the sensors on real runs, a real state store and a real lake folder."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange  # noqa: TID251 - made by the daemon

from lakehouse_assets.defs import sensors
from lakehouse_assets.defs.build import assemble
from lakehouse_assets.errors import ConfigError, SourceError
from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.naming import blocked_of
from lakehouse_assets.pipeline.absorb import store_of
from lakehouse_assets.results import BLOCKED, UNCHANGED, Outcome
from lakehouse_assets.storage.records import write_record
from lakehouse_assets_tests.builders import partition_record, publish_record, rule_result
from lakehouse_assets_tests.scripted import ORDERS, Script, lake, shop

pytestmark = pytest.mark.integration

KEY = dg.AssetKey(ORDERS.parts)
DENIED = SourceError("permission", "the drop may not be read.", where="bronze/shop/orders")


class Watch:
    """A lake, an instance, and the cursor of one sensor."""

    def __init__(self, instance: dg.DagsterInstance, root: Path) -> None:
        shutil.copytree("config", root / "config")
        self.script, self.instance = Script(), instance
        self.lake = lake(root, self.script, *shop())
        self.job = assemble(self.lake).resolve_implicit_global_asset_job_def()
        self.cursors: dict[str, str | None] = {}

    def run(self, first: str = "2026-01-05", last: str = "2026-01-07") -> None:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        self.job.execute_in_process(instance=self.instance, asset_selection=[KEY], tags=tags, raise_on_error=False)

    def tick(self, sensor: str) -> str:
        """Let a sensor look once and return what it says."""
        definition = {one.name: one for one in sensors.to_sensors(self.lake)}[sensor]
        with dg.build_sensor_context(self.instance, cursor=self.cursors.get(sensor)) as context:
            said = definition.evaluate_tick(context)
        self.cursors[sensor] = said.cursor
        return said.skip_message or ""

    def incidents(self, *, with_resolved: bool = False) -> list[tuple[str, str, int, str]]:
        """Return rule, table, number of failing partitions and state of every incident."""
        with store_of(self.lake.lake) as store, store.reading() as connection:
            found = list_incidents(connection, with_resolved=with_resolved)
        return sorted((one.rule_id, one.table, one.failing_partitions, str(one.state)) for one in found)

    def record(self, publish: str, day: str, outcome: Outcome, *, at: str) -> None:
        """Leave a record as the pipeline would."""
        # Not `published`: that is a promise of a commit, and there is none in this lake.
        status = BLOCKED if outcome is Outcome.FAIL else UNCHANGED
        rule = rule_result("amount.between", outcome=outcome, failed_rows=12)
        record = publish_record(publish, partition_record(day, rule, status=status), at=at)
        folder = blocked_of(ORDERS) if status == BLOCKED else ORDERS
        write_record(self.lake.lake.objects_of(folder), record)


@pytest.fixture
def watch(instance: dg.DagsterInstance, tmp_path: Path) -> Watch:
    """Return a watch whose sensors have started."""
    watch = Watch(instance, tmp_path)
    watch.tick(sensors.INCIDENTS)
    watch.tick(sensors.RUN_FAILURES)
    return watch


def test_the_first_tick_tells_of_nothing_that_happened_before(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    watch = Watch(instance, tmp_path)
    watch.script.breaks = {"2026-01-06": DENIED}
    watch.run()

    said = watch.tick(sensors.RUN_FAILURES)

    assert said.startswith("started")
    assert watch.tick(sensors.RUN_FAILURES) == "0 failed runs, 0 facts"
    assert watch.incidents() == []


def test_a_day_that_is_kept_back_becomes_one_incident_from_its_record(watch: Watch) -> None:
    watch.script.blocked = {"2026-01-06"}
    watch.record("run-0000-0", "2026-01-06", Outcome.FAIL, at="2026-01-07T01:00:00+00:00")
    watch.run()

    watch.tick(sensors.INCIDENTS)
    watch.tick(sensors.RUN_FAILURES)

    assert watch.incidents() == [("amount.between", "silver/orders", 1, "open")]


def test_the_incident_closes_with_the_record_of_the_corrected_day(watch: Watch) -> None:
    watch.script.blocked = {"2026-01-06"}
    watch.record("run-0000-0", "2026-01-06", Outcome.FAIL, at="2026-01-07T01:00:00+00:00")
    watch.run()
    watch.tick(sensors.INCIDENTS)
    watch.script.blocked = set()
    watch.record("run-0001-0", "2026-01-06", Outcome.PASS, at="2026-01-07T02:00:00+00:00")
    watch.run("2026-01-06", "2026-01-06")

    watch.tick(sensors.INCIDENTS)

    assert watch.incidents(with_resolved=True) == [("amount.between", "silver/orders", 0, "resolved")]


def test_a_run_that_breaks_becomes_an_incident_and_a_clean_rerun_closes_it(watch: Watch) -> None:
    watch.script.breaks = {"2026-01-06": DENIED}
    watch.run()
    watch.tick(sensors.RUN_FAILURES)
    while_broken = watch.incidents()
    watch.script.breaks = {}
    watch.run()

    watch.tick(sensors.INCIDENTS)

    assert while_broken == [("run.permission", "silver/orders", 3, "open")]
    assert watch.incidents(with_resolved=True) == [("run.permission", "silver/orders", 0, "resolved")]


def test_an_event_is_told_once(watch: Watch) -> None:
    watch.script.breaks = {"2026-01-06": DENIED}
    watch.run()

    assert watch.tick(sensors.RUN_FAILURES) == "1 failed runs, 3 facts"
    assert watch.tick(sensors.RUN_FAILURES) == "0 failed runs, 0 facts"


def test_a_tick_that_fails_reads_the_same_events_again(watch: Watch, tmp_path: Path) -> None:
    watch.script.breaks = {"2026-01-06": DENIED}
    watch.run()
    routing = tmp_path / "config" / "incidents.yaml"
    good = routing.read_text()
    routing.write_text("reopenWithin: soon\n")
    with pytest.raises(ConfigError, match=r"incidents\.yaml"):
        watch.tick(sensors.RUN_FAILURES)
    routing.write_text(good)

    assert watch.tick(sensors.RUN_FAILURES) == "1 failed runs, 3 facts"


def test_a_stale_table_becomes_an_incident_and_a_fresh_one_closes_it(watch: Watch) -> None:
    watch.instance.report_runless_asset_event(change(FreshnessState.PASS, FreshnessState.FAIL, at=1.0))
    watch.tick(sensors.INCIDENTS)
    while_stale = watch.incidents()
    watch.instance.report_runless_asset_event(change(FreshnessState.FAIL, FreshnessState.PASS, at=2.0))

    watch.tick(sensors.INCIDENTS)

    assert while_stale == [("freshness", "silver/orders", 1, "open")]
    assert watch.incidents() == []


def change(before: FreshnessState, after: FreshnessState, *, at: float) -> FreshnessStateChange:
    return FreshnessStateChange(key=KEY, new_state=after, previous_state=before, state_change_timestamp=at)


def test_every_tick_leaves_a_heartbeat(watch: Watch, tmp_path: Path) -> None:
    watch.tick(sensors.DISPATCHER)

    for name in (sensors.INCIDENTS, sensors.RUN_FAILURES, sensors.DISPATCHER):
        beat = datetime.fromisoformat((tmp_path / f"_lakehouse/heartbeats/{name}.txt").read_text())
        assert abs((datetime.now(UTC) - beat).total_seconds()) < 60


def test_every_sensor_runs_from_the_start(watch: Watch) -> None:
    running = {one.name: one.default_status for one in sensors.to_sensors(watch.lake)}

    assert set(running) == {"automation", "incidents", "run_failures", "outdated", "rollbacks", "dispatcher"}
    assert set(running.values()) == {dg.DefaultSensorStatus.RUNNING}
