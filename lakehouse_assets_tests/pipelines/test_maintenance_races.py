"""Maintenance beside everything else: killed at any moment, racing with runs, readers and other maintainers."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import narwhals as nw
import pytest

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refine import transform_of
from lakehouse_assets.pipeline.upkeep.maintain import maintain, plan_maintenance
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
from lakehouse_assets_tests.past import (
    LONG_AGO,
    RETENTION,
    age,
    clustered_by,
    crumbling,
    die_after_staging,
    live_through,
    picture,
)
from lakehouse_assets_tests.repository import ROOT

SEEDS = (1, 2, random.SystemRandom().randrange(100_000))
COMPUTED: list[str] = []
SILVER_MODULE = "lakehouse_assets.transforms.silver.orders"


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    """Return a lake with a past."""
    lake = live_through(shop_lake(tmp_path, clustered_by("[amount]"), environ=RETENTION))
    die_after_staging(lake, "dead-0000-00000001")
    age(lake)
    return lake


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
    environment = retail_environment(lake.root, folder, LAKEHOUSE_CONFIG_DIR=str(folder / "config"), **RETENTION)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *arguments], text=True, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    )


_MAINTAIN = """
import os, sys
from lakehouse_assets.errors import LeaseHeldError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.pipeline.upkeep.maintain import maintain
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
    COMPUTED.clear()

    def orders(rows: nw.LazyFrame) -> nw.LazyFrame:
        COMPUTED.append("silver")
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


@pytest.mark.parametrize("table", [RAW, ORDERS], ids=str)
def test_a_run_is_not_computed_again_because_files_were_rewritten_under_it(
    shop: Lake, meanwhile: Meanwhile, table: TableName
) -> None:
    for day in (DAY, NEXT):
        deliver(shop, day, [order(number, note="new") for number in range(20)])
        run(crumbling(shop), RAW, day)
    run(shop, ORDERS, NEXT)
    undisturbed = len(COMPUTED)

    def rewrite() -> None:
        assert "rewrote" in {step.what for step in maintain(shop, table)}

    meanwhile(rewrite)
    results = run(shop, ORDERS, DAY)

    assert (statuses(results), len(COMPUTED)) == ({DAY: "published"}, 2 * undisturbed)
    assert content_of(shop, ORDERS).partitions[DAY][0] == 20


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


def test_the_command_line_names_a_damaged_table_and_maintains_the_others(shop: Lake) -> None:
    log = Path(shop.root_of(RAW), "_delta_log")
    max(log.glob("*.json")).write_text("not a commit")

    process = start(shop, "-c", "from lakehouse_assets.cli.main import main; main()", "maintain", "run")
    output, errors = process.communicate()

    assert process.returncode == 1
    assert "silver/orders: removed data files" in output
    assert "1 table could not be maintained" in " ".join(errors.split())
    assert "Traceback" not in errors
