"""Maintenance beside everything else: killed at any moment, racing with runs and readers, on lakes with a past."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.errors import LakehouseError, LeaseHeldError
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.pipeline.maintain import keep_version, lease_of, let_go, maintain, plan_maintenance
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.refine import transform_of
from lakehouse_assets.pipeline.sizes import sizes_of
from lakehouse_assets.storage.records import write_record
from lakehouse_assets_tests.builders import partition_record, publish_record
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    refresh,
    retail_environment,
    run,
    shop_lake,
    statuses,
)
from lakehouse_assets_tests.pipelines.test_compaction import clustered_by, crumbling
from lakehouse_assets_tests.repository import ROOT

SETTINGS = {"LAKEHOUSE_MAINTENANCE__RETENTION": "60min"}
LONG_AGO = timedelta(hours=3)
SEEDS = (1, 2, random.SystemRandom().randrange(100_000))
SILVER_MODULE = "lakehouse_assets.transforms.silver.orders"


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    """Return a lake with a past: replaced files, quarantine nobody counts, a dead run, all of it hours old."""
    lake = shop_lake(tmp_path, clustered_by("[amount]"), environ=SETTINGS)
    for last in ("many", "none", "7"):
        for day in (DAY, NEXT):
            deliver(lake, day, [*[order(number, amount=30 - number) for number in range(9)], order(9, amount=last)])
        refresh(crumbling(lake), DAY, NEXT)
    deliver(lake, DAY, [order(number, amount="many") for number in range(3)])
    refresh(lake, DAY)
    die_after_staging(lake, "dead-0000-00000001")
    age(lake)
    return lake


def die_after_staging(lake: Lake, publish: str) -> None:
    """Leave what a run leaves that is killed between its record and its commit."""
    folder = Path(lake.root_of(ORDERS))
    pl.DataFrame({"order_id": ["x"]}).write_parquet(folder / f"_proc_date={DAY}/stg-{publish}-00000.parquet")
    (folder / f"_proc_date={DAY}/stg-{publish}-00001.parquet#1").write_bytes(b"half a file")
    write_record(lake.objects_of(ORDERS), publish_record(publish, partition_record(DAY), at="2026-01-01T00:00:00"))


def age(lake: Lake) -> None:
    """Make everything that is there hours old, in the order in which it was written."""
    for path in Path(lake.root).rglob("*"):
        if path.is_file() and not path.name.startswith("state.db"):
            before = path.stat().st_mtime - LONG_AGO / timedelta(seconds=1)
            os.utime(path, (before, before))


def picture(lake: Lake) -> tuple[object, ...]:
    """Return what readers see: rows, records, refused rows."""
    rows = served_quarantine(lake, ORDERS)
    refused = [] if rows is None else sorted(lake.engine.collect(rows)["raw"])
    return content_of(lake, ORDERS).partitions, served(lake, ORDERS), refused


def files_below(folder: str | Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())
    return sorted(path for path in found if "/versions/" not in path)


def test_what_readers_see_does_not_change(shop: Lake) -> None:
    before = picture(shop)

    steps = list(maintain(shop, ORDERS))

    assert picture(shop) == before
    assert {step.what for step in steps} >= {"rewrote", "pruned", "removed data files", "removed log entries"}
    assert statuses(refresh(shop, DAY, NEXT)) == {DAY: "unchanged", NEXT: "unchanged"}


def test_left_overs_of_a_dead_run_go(shop: Lake) -> None:
    list(maintain(shop, ORDERS))

    assert [path for path in files_below(shop.root_of(ORDERS)) if "dead-0000" in path] == []


def test_left_overs_of_a_run_that_may_be_alive_stay(shop: Lake) -> None:
    die_after_staging(shop, "live-0000-00000002")

    list(maintain(shop, ORDERS))

    assert len([path for path in files_below(shop.root_of(ORDERS)) if "live-0000" in path]) == 3


def test_records_of_publishes_that_landed_stay_for_ever(shop: Lake) -> None:
    folder = Path(shop.root_of(ORDERS), "_lakehouse")
    before = {path.name for path in folder.glob("*.zst") if not path.name.startswith("dead-")}

    list(maintain(shop, ORDERS))

    assert {path.name for path in folder.glob("*.zst")} == before


def test_files_of_others_are_left_alone(shop: Lake) -> None:
    foreign = Path(shop.root_of(ORDERS), f"_proc_date={DAY}/notes.parquet")
    foreign.write_bytes(b"not ours")
    age(shop)

    list(maintain(shop, ORDERS))

    assert foreign.exists()


def test_a_plan_changes_nothing_and_is_what_then_happens(shop: Lake) -> None:
    before = files_below(shop.root)

    plan = plan_maintenance(shop, ORDERS)

    assert files_below(shop.root) == before
    doomed = {f"{removal.table}/{path}" for removal in plan.removals for path in removal.paths}
    list(maintain(shop, ORDERS))
    assert doomed
    assert doomed.isdisjoint(files_below(shop.root))


def test_a_second_run_finds_nothing_once_the_files_of_the_first_are_old(shop: Lake) -> None:
    list(maintain(shop, ORDERS))
    age(shop)
    list(maintain(shop, ORDERS))

    assert plan_maintenance(shop, ORDERS).is_empty
    assert list(maintain(shop, ORDERS)) == []


def test_stopped_after_any_step_it_is_simply_run_again(shop: Lake, tmp_path: Path) -> None:
    before, calm = picture(shop), tmp_path / "calm"
    shutil.copytree(shop.root, calm)
    count = len(list(maintain(Lake(str(calm), shop.catalog, shop.settings), ORDERS)))

    for stop in range(1, count):
        root = tmp_path / f"stopped-{stop}"
        shutil.copytree(shop.root, root)
        lake = Lake(str(root), shop.catalog, shop.settings)
        steps = maintain(lake, ORDERS)
        for _ in range(stop):
            next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert picture(lake) == before
        list(maintain(lake, ORDERS))
        assert picture(lake) == before
        assert plan_maintenance(lake, ORDERS).is_empty
    assert count > 4


def start(lake: Lake, *arguments: str) -> subprocess.Popen[str]:
    folder = Path(lake.root).parent
    environment = retail_environment(lake.root, folder, LAKEHOUSE_CONFIG_DIR=str(folder / "config"), **SETTINGS)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *arguments], text=True, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    )


_MAINTAIN = """
import os, sys
from lakehouse_assets.errors import LeaseHeldError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.pipeline.maintain import maintain
from lakehouse_assets.settings import load_settings
lake = open_lake(load_settings(os.environ))
print("GO", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[1])):
    try:
        for step in maintain(lake, TableName.parse("silver/orders")):
            print(step.what, ",".join(step.skipped), flush=True)
    except LeaseHeldError:
        print("busy", flush=True)
"""


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "GO\n"
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize("seed", SEEDS, ids=["seed-1", "seed-2", "fresh-seed"])
def test_killed_at_any_moment_it_loses_nothing(shop: Lake, seed: int) -> None:
    before = picture(shop)
    process = start(shop, "-c", _MAINTAIN, "1")
    go(process)
    time.sleep(random.Random(seed).uniform(0, 0.8))  # noqa: S311 - the moment of the kill is what is drawn
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert picture(shop) == before, f"seed {seed}"
    Path(shop.root, "state.db").unlink(missing_ok=True)
    list(maintain(shop, ORDERS))
    age(shop)
    list(maintain(shop, ORDERS))
    assert picture(shop) == before, f"seed {seed}"
    assert plan_maintenance(shop, ORDERS).is_empty, f"seed {seed}"


def test_runs_readers_and_two_maintainers_do_not_disturb_each_other(shop: Lake) -> None:
    runners = [start(shop, "-m", "lakehouse_assets_tests.soak.racer", "6", "bronze/shop/orders,silver/orders", DAY)]
    maintainers = [start(shop, "-c", _MAINTAIN, "8") for _ in range(2)]
    for process in (*runners, *maintainers):
        go(process)

    read = 0
    for version in range(6):
        deliver(shop, DAY, [order(number, amount=version) for number in range(5 + version)])
        opened = shop.open(ORDERS)
        assert opened is not None
        rows = shop.engine.collect(shop.scan(opened))
        assert len(rows) == sum(file.rows for file in opened.files)
        read += 1
    said = [process.communicate(timeout=120) for process in (*runners, *maintainers)]

    assert [process.returncode for process in (*runners, *maintainers)] == [0, 0, 0], said
    refresh(shop, DAY)
    assert {day: count for day, (count, _) in content_of(shop, ORDERS).partitions.items()} == {DAY: 10, NEXT: 10}
    assert read == 6


Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meanwhile]:
    """Return a function whose argument runs once, in the middle of the next run of silver."""
    waiting: list[Callable[[], object]] = []

    def orders(rows: nw.LazyFrame) -> nw.LazyFrame:
        if waiting:
            waiting.pop()()
        return rows

    module = ModuleType(SILVER_MODULE)
    module.__spec__ = ModuleSpec(SILVER_MODULE, None)
    vars(module)["orders"] = orders
    monkeypatch.setitem(sys.modules, SILVER_MODULE, module)
    transform_of.cache_clear()
    yield waiting.append
    transform_of.cache_clear()


def test_a_log_that_is_shortened_under_a_run_does_not_hurt_it(shop: Lake, meanwhile: Meanwhile) -> None:
    deliver(shop, DAY, [order(1, note="new")])
    meanwhile(lambda: list(maintain(shop, ORDERS)))

    results = refresh(shop, DAY)

    assert statuses(results) == {DAY: "published"}
    assert content_of(shop, ORDERS).partitions[DAY][0] == 1


def test_upstreams_that_are_maintained_under_a_run_keep_what_it_pinned(shop: Lake, meanwhile: Meanwhile) -> None:
    deliver(shop, DAY, [order(1, note="new")])
    run(shop, RAW, DAY)

    def newer_and_clean() -> None:
        deliver(shop, DAY, [order(1, note="newer"), order(2)])
        run(shop, RAW, DAY)
        list(maintain(shop, RAW))

    meanwhile(newer_and_clean)
    results = run(shop, ORDERS, DAY)

    assert statuses(results) == {DAY: "published"}
    assert content_of(shop, ORDERS).partitions[DAY][0] == 2


def test_a_run_that_took_longer_than_the_retention_publishes_nothing_and_runs_again(
    shop: Lake, meanwhile: Meanwhile
) -> None:
    before = picture(shop)
    deliver(shop, DAY, [order(1, note="new")])
    run(shop, RAW, DAY)

    def hours_later() -> None:
        deliver(shop, DAY, [order(1, note="newer"), order(2)])
        run(shop, RAW, DAY)
        list(maintain(shop, RAW, at=datetime.now(UTC) + LONG_AGO))

    meanwhile(hours_later)
    with pytest.raises(LakehouseError, match="stg-"):
        run(shop, ORDERS, DAY)

    assert picture(shop) == before
    assert statuses(run(shop, ORDERS, DAY)) == {DAY: "published"}


def test_a_rollback_target_keeps_files_and_refused_rows(shop: Lake) -> None:
    target = shop.open(ORDERS)
    assert target is not None
    before = picture(shop)
    deliver(shop, DAY, [order(1)])
    refresh(shop, DAY)

    list(maintain(shop, ORDERS))

    again = shop.open(ORDERS, target.version)
    side = shop.open(quarantine_of(ORDERS))
    assert again is not None
    assert side is not None
    assert len(shop.engine.collect(shop.scan(again))) == sum(count for count, _ in before[0].values())  # type: ignore[attr-defined]
    paired = {(file.partition, name) for file in again.files for name in again.publishes_of(file)}
    kept = [file for file in side.files if (file.partition, *side.publishes_of(file)) in paired]
    assert sum(file.rows for file in kept) == len(before[2])  # type: ignore[arg-type]


def test_a_kept_version_stays_readable_until_it_is_let_go(shop: Lake) -> None:
    opened = shop.open(ORDERS)
    assert opened is not None
    keep_version(shop, ORDERS, "2010-q4")
    for note in ("a", "b"):
        deliver(shop, DAY, [order(1, note=note)])
        refresh(shop, DAY)
    age(shop)
    age(shop)

    list(maintain(shop, ORDERS))
    kept = shop.open(ORDERS, opened.version)
    assert kept is not None
    assert len(shop.engine.collect(shop.scan(kept))) == sum(file.rows for file in opened.files)

    let_go(shop, ORDERS, "2010-q4")
    list(maintain(shop, ORDERS))
    assert not all(Path(opened.root, file.path).exists() for file in opened.files)


def test_only_one_maintains_a_table(shop: Lake) -> None:
    with held(shop, lease_of(ORDERS)), pytest.raises(LeaseHeldError):
        list(maintain(shop, ORDERS))


def test_a_retention_shorter_than_runs_may_take_is_refused(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, environ={"LAKEHOUSE_MAINTENANCE__RETENTION": "59min"})
    deliver(lake, DAY, [order(1)])
    refresh(lake, DAY)

    with pytest.raises(LakehouseError, match=r"LAKEHOUSE_MAINTENANCE__RETENTION: a retention of 59 minutes.*to 60min"):
        plan_maintenance(lake, ORDERS)


def test_a_log_that_somebody_else_shortened_stops_everything(shop: Lake) -> None:
    opened = shop.open(ORDERS)
    assert opened is not None
    opened.delta.create_checkpoint()
    deliver(shop, DAY, [order(1)])
    refresh(shop, DAY)
    for path in Path(opened.root, "_delta_log").glob("*.json"):
        if int(path.stem) <= opened.version:
            path.unlink()

    with pytest.raises(LakehouseError, match="somebody else shortened it"):
        plan_maintenance(shop, ORDERS)


def test_a_table_that_was_never_published_has_nothing_to_do(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)

    assert plan_maintenance(lake, ORDERS).is_empty
    assert list(maintain(lake, ORDERS)) == []


def test_sizes_count_what_the_disk_has(shop: Lake) -> None:
    (table, side) = sizes_of(shop, [ORDERS])
    opened = shop.open(ORDERS)
    assert opened is not None

    folder = Path(shop.root_of(ORDERS))
    data = list(folder.rglob("stg-*.parquet"))
    active = {file.path for file in opened.files}
    idle = [path for path in data if path.relative_to(folder).as_posix() not in active]
    assert (table.files, table.bytes) == (len(active), sum((folder / path).stat().st_size for path in active))
    assert (table.kept_files, table.orphans) == (0, len(idle))
    assert table.orphan_bytes == sum(path.stat().st_size for path in idle)
    assert side.table == "quarantine/silver/orders"
    assert any("needed by nobody" in advice for advice in table.advice)


def test_sizes_have_no_advice_for_a_maintained_table(shop: Lake) -> None:
    list(maintain(shop, ORDERS))
    age(shop)
    list(maintain(shop, ORDERS))

    assert [one.advice for one in sizes_of(shop, [ORDERS])] == [(), ()]


def test_the_command_line_plans_does_and_measures(shop: Lake) -> None:
    def lakehouse(*arguments: str) -> str:
        process = start(shop, "-c", "from lakehouse_assets.cli.main import main; main()", *arguments)
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        return output

    planned = json.loads(lakehouse("maintain", "plan", "silver/orders", "--json"))
    done = json.loads(lakehouse("maintain", "run", "silver/orders", "--json"))

    assert [one["partition"] for one in planned[0]["rewrites"]] == [NEXT]
    assert "removed data files" in {step["what"] for step in done["steps"]}
    assert "silver/orders" in lakehouse("maintain", "sizes")
