"""A run over many days in which one is kept back: what Dagster shows, and what happens on the next run."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.errors import SchemaChangeError, SourceError, StorageError
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.scripted import BRONZE, ORDERS, SALES, WEEK, Script, lake, shop, snapshot

DAYS = WEEK.partitions(WEEK.ends or WEEK.starts)
CUSTOMERS = TableName("gold", ("customers",))
KEY = dg.AssetKey(ORDERS.parts)


class Runs:
    """Definitions with a scripted verb and an instance to run them on."""

    def __init__(self, instance: dg.DagsterInstance, root: Path) -> None:
        self.script, self.instance = Script(), instance
        self.lake = lake(root, self.script, *shop(), snapshot(CUSTOMERS, ORDERS))
        self.job = assemble(self.lake).resolve_implicit_global_asset_job_def()

    def run(self, *tables: TableName, first: str = DAYS[0], last: str = DAYS[-1]) -> dg.ExecuteInProcessResult:
        """Run tables over a range of days."""
        keys = [dg.AssetKey(table.parts) for table in tables]
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return self.job.execute_in_process(
            instance=self.instance, asset_selection=keys, tags=tags, raise_on_error=False
        )

    def materialised(self, table: TableName) -> list[str]:
        """Return the partitions that Dagster counts as materialised."""
        return sorted(self.instance.get_materialized_partitions(dg.AssetKey(table.parts)))


@pytest.fixture
def runs(instance: dg.DagsterInstance, tmp_path: Path) -> Runs:
    return Runs(instance, tmp_path)


def colours(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], str]:
    """Return what each check says about each partition."""
    said = {}
    for event in result.get_asset_check_evaluations():
        failed = "red" if event.severity is dg.AssetCheckSeverity.ERROR else "amber"
        said[event.check_name, event.partition] = "green" if event.passed else failed
    return said


def error_of(result: dg.ExecuteInProcessResult) -> str:
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    return str(failure.user_failure_data.description)


def test_a_clean_range_materialises_every_day_with_green_checks(runs: Runs) -> None:
    result = runs.run(ORDERS)

    assert result.success
    assert runs.materialised(ORDERS) == DAYS
    assert colours(result) == {
        (check, day): "green" for check in ("Completeness", "Validity", "Consistency", "Score") for day in DAYS
    }


def test_one_day_that_is_kept_back_is_red_alone_and_the_others_are_published(runs: Runs) -> None:
    runs.script.blocked = {"2026-01-06"}

    result = runs.run(ORDERS)

    assert not result.success
    assert runs.materialised(ORDERS) == [day for day in DAYS if day != "2026-01-06"]
    assert [place for place, colour in colours(result).items() if colour != "green"] == [("Validity", "2026-01-06")]


def test_the_run_ends_with_table_partition_rule_count_contract_line_and_command(runs: Runs) -> None:
    runs.script.blocked = {"2026-01-06"}

    result = runs.run(ORDERS)

    assert error_of(result) == (
        "silver/orders 2026-01-06 is kept back: amount.conformity: 12 of 100 rows "
        "(contracts/silver/orders.odcs.yaml:1). Readers see what they saw before. "
        "Look closer: lakehouse partition silver/orders 2026-01-06"
    )


def test_many_days_that_are_kept_back_are_counted_not_listed(runs: Runs) -> None:
    runs.script.blocked = set(DAYS)

    lines = error_of(runs.run(ORDERS)).splitlines()

    assert len(lines) == 6
    assert lines[-1] == "… and 5 more partitions of silver/orders."


def test_rows_in_quarantine_are_amber_and_do_not_fail_the_run(runs: Runs) -> None:
    runs.script.amber = {"2026-01-02"}

    result = runs.run(ORDERS)

    assert result.success
    assert [place for place, colour in colours(result).items() if colour == "amber"] == [("Validity", "2026-01-02")]


def test_evaluations_point_to_the_materialisation_they_are_about(runs: Runs) -> None:
    runs.run(ORDERS)
    result = runs.run(ORDERS, first="2026-01-02", last="2026-01-03")

    records = runs.instance.fetch_materializations(KEY, limit=2).records
    newest = {record.partition_key: record.storage_id for record in records}
    for evaluation in result.get_asset_check_evaluations():
        assert evaluation.target_materialization_data is not None
        assert evaluation.target_materialization_data.storage_id == newest[evaluation.partition]


def test_each_day_has_its_own_row_count_score_and_data_version(runs: Runs) -> None:
    runs.script.contents = {"2026-01-02": "other"}

    result = runs.run(ORDERS)

    found = {m.partition: m for m in result.asset_materializations_for_node("silver__orders")}
    metadata: Any = found["2026-01-02"].metadata
    assert metadata["dagster/partition_row_count"].value == 100
    assert metadata["lakehouse/score"].value == 100.0
    assert metadata["lakehouse/rows_quarantined"].value == 0
    versions = {day: (m.tags or {})["dagster/data_version"] for day, m in found.items()}
    assert versions == {day: "other" if day == "2026-01-02" else "1" for day in DAYS}


def test_a_second_run_changes_nothing_and_says_so(runs: Runs) -> None:
    runs.run(ORDERS)
    commits = runs.script.commits

    result = runs.run(ORDERS)

    said = {str(m.metadata["lakehouse/status"].value) for m in result.asset_materializations_for_node("silver__orders")}
    assert result.success
    assert (runs.script.commits, said) == (commits, {"unchanged"})


def test_tables_after_it_in_the_run_still_run_when_everything_is_published(runs: Runs) -> None:
    result = runs.run(BRONZE, ORDERS, SALES)

    assert result.success
    assert [runs.materialised(table) for table in (BRONZE, ORDERS, SALES)] == [DAYS, DAYS, DAYS]


def test_tables_after_a_day_that_is_kept_back_do_not_run(runs: Runs) -> None:
    runs.script.blocked = {"2026-01-06"}

    runs.run(ORDERS, SALES)

    assert runs.materialised(SALES) == []


def test_a_table_without_partitions_is_materialised_once(runs: Runs) -> None:
    result = runs.job.execute_in_process(instance=runs.instance, asset_selection=[dg.AssetKey(CUSTOMERS.parts)])

    (materialisation,) = result.asset_materializations_for_node("gold__customers")
    assert materialisation.partition is None
    assert set(colours(result)) == {(check, None) for check in ("Completeness", "Validity", "Consistency", "Score")}


def test_what_was_published_before_an_error_is_shown(runs: Runs) -> None:
    runs.script.breaks = {"2026-01-04": SchemaChangeError("a column changed its type.", where="silver/orders")}

    result = runs.run(ORDERS)

    assert runs.materialised(ORDERS) == DAYS[:3]
    assert error_of(result) == "silver/orders: a column changed its type."


def test_a_passing_fault_is_tried_again_and_a_lasting_one_is_not(runs: Runs) -> None:
    lasting, passing = SourceError("schema_drift", "a column is gone."), StorageError("the disk is full.")
    runs.script.breaks = {"2026-01-01": lasting}
    first = runs.run(BRONZE)
    runs.script.breaks = {"2026-01-01": passing}
    runs.script.heals = True

    second = runs.run(BRONZE)

    assert not [event for event in first.all_events if event.is_step_up_for_retry]
    assert [event for event in second.all_events if event.is_step_up_for_retry]
    assert second.success


def test_a_publish_that_readers_do_not_see_fails_the_run(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    runs = Runs(instance, tmp_path)
    runs.script.shown = 3

    result = runs.run(ORDERS)

    assert not result.success
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert "readers see version 3" in str(failure.error)


def test_a_run_may_take_as_long_as_its_tables_together(runs: Runs) -> None:
    result = runs.run(ORDERS, SALES)

    run = runs.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["dagster/max_runtime"] == str(2 * 30 * 60)


def test_a_limit_that_a_person_gave_the_run_stays(runs: Runs) -> None:
    tags = {"dagster/partition": DAYS[0], "dagster/max_runtime": "7"}

    result = runs.job.execute_in_process(instance=runs.instance, asset_selection=[KEY], tags=tags)

    run = runs.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["dagster/max_runtime"] == "7"
