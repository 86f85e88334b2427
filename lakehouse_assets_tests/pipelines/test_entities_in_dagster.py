"""An entity under Dagster: a late file of changes under automation, and schedulers that do not know each other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName, quarantine_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.customers import CHANGES, CURRENT, HISTORY, PEOPLE, change, customers_lake, gone
from lakehouse_assets_tests.lakes import DAY, NEXT, THIRD, rows_of, run
from lakehouse_assets_tests.racing import finish, start, start_scheduler
from lakehouse_assets_tests.soak.shop_files import write_shop_file

# Dagster's own test function uses a beta parameter of Dagster.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]

TABLES = (PEOPLE, CHANGES, CURRENT, HISTORY)
EARLY, LATE = f"{DAY} 08:00:00", f"{NEXT} 08:00:00"


def deliver_changes(lake: Lake, day: str, rows: Sequence[Sequence[str]]) -> None:
    write_shop_file(Path(lake.root).parent / f"drop/people/{day}.csv", rows, people=True)


def cities(lake: Lake) -> dict[str, str]:
    return dict(rows_of(lake, CURRENT).select("id", "city").rows())


def versions(lake: Lake) -> list[tuple[str, str]]:
    return rows_of(lake, HISTORY).sort("id", "valid_from").select("id", "city").rows()


class Automation:
    """Ticks on the definitions of a lake, and runs what is asked for."""

    def __init__(self, lake: Lake, instance: dg.DagsterInstance) -> None:
        self.instance, self.definitions = instance, assemble(LakeResource(lake))
        self.job = self.definitions.resolve_implicit_global_asset_job_def()
        self.cursor: Any = None

    def run(self, table: TableName, *days: str) -> None:
        """Materialise some days of a table, or the whole of it."""
        bounds = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
        tags = dict(zip(bounds, (min(days), max(days)), strict=True)) if days else {}
        keys = [dg.AssetKey(table.parts)]
        ran = self.job.execute_in_process(instance=self.instance, asset_selection=keys, tags=tags)
        assert ran.success

    def asked(self) -> dict[str, list[str | None]]:
        """Tick once and return what is asked for of silver: days of the change log, or the whole (None) of a table."""
        result = dg.evaluate_automation_conditions(
            self.definitions,
            instance=self.instance,
            cursor=self.cursor,
            evaluation_time=datetime(2010, 12, 8, 12, tzinfo=UTC),
        )
        self.cursor = result.cursor
        found = {name.short: result.get_requested_partitions(dg.AssetKey(name.parts)) for name in TABLES[1:]}
        return {name: sorted(keys, key=str) for name, keys in found.items() if keys}


def test_a_late_file_of_changes_is_asked_for_table_by_table_and_ends_like_the_oracle(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    lake = customers_lake(tmp_path)
    automation = Automation(lake, instance)
    deliver_changes(lake, DAY, [change("c1", EARLY), change("c2", EARLY)])
    deliver_changes(lake, NEXT, [change("c1", LATE, city="Bonn")])
    for table in (PEOPLE, CHANGES):
        automation.run(table, DAY, NEXT)
    for table in (CURRENT, HISTORY):
        automation.run(table)
    automation.asked()
    assert automation.asked() == {}

    late = [change("c1", f"{DAY} 20:00:00", city="Kiel"), gone("c2", f"{DAY} 21:00:00"), change("c3", EARLY)]
    deliver_changes(lake, THIRD, late)
    automation.run(PEOPLE, THIRD)
    first = automation.asked()
    automation.run(CHANGES, THIRD)
    second = automation.asked()
    for table in (CURRENT, HISTORY):
        automation.run(table)

    assert first["people_changes"] == [THIRD]
    assert {"people", "people_history"} <= {*first, *second}
    assert cities(lake) == {"c1": "Bonn", "c3": "Ulm"}
    assert versions(lake) == [("c1", "Ulm"), ("c1", "Kiel"), ("c1", "Bonn"), ("c2", "Ulm"), ("c3", "Ulm")]
    assert automation.asked() == {}


@pytest.mark.timeout(300)
def test_schedulers_that_do_not_know_each_other_and_a_command_end_like_one_of_them(tmp_path: Path) -> None:
    days = [f"2010-12-{number:02}" for number in range(1, 5)]
    alone, shared = (customers_lake(tmp_path / name) for name in ("alone", "shared"))
    for lake in (alone, shared):
        for number, day in enumerate(days):
            rows = [change(f"c{key}", f"{day} 10:00:00", city=day) for key in range(number, number + 6)]
            deliver_changes(lake, day, [*rows, rows[0], gone(f"c{number}", EARLY), change("wrong", EARLY)])
    for table in TABLES:
        run(alone, table, *(days if alone.contract(table).is_partitioned else ()))
    tables = ",".join(map(str, TABLES))

    said = finish(
        start_scheduler(shared, 1, tables, *days[:3]),
        start_scheduler(shared, 1, tables, *days[1:]),
        start(shared, 2, tables, *days),
    )

    succeeded = [f"{table} succeeded" for table in TABLES]
    assert [text.splitlines() for text in said[:2]] == [succeeded, succeeded]
    assert {line.rsplit(" ", 1)[-1] for line in said[2].splitlines()} <= {"published", "unchanged"}
    for table in (*TABLES, quarantine_of(CHANGES)):
        assert content_of(shared, table).partitions == content_of(alone, table).partitions, str(table)
