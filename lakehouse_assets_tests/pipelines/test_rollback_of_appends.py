"""Rolling back a table that is appended once: what goes loads again, what stays does not; races and kills."""

import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.errors import NothingToDoError, PublishConflictError
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.rollback import roll_back
from lakehouse_assets_tests.lakes import DAY, NEXT, RAW, deliver, order, run, shop_lake, statuses, variables_of
from lakehouse_assets_tests.pipelines.test_rollback import RUN, ids, status_of, version_of
from lakehouse_assets_tests.racing import let_go, start
from lakehouse_assets_tests.repository import ROOT

SEEDS = (1, 2, random.SystemRandom().randrange(10_000))


@pytest.fixture
def appending(tmp_path: Path) -> Lake:
    return shop_lake(tmp_path, source_also="    load: append_once\n")


def add(lake: Lake, name: str, *numbers: object) -> int:
    """Deliver one more file of a day to an appending bronze table and return its version."""
    deliver(lake, name, [order(number) for number in numbers])
    run(lake, RAW, name[:10])
    return version_of(lake, RAW)


def test_rolled_back_batches_load_again_and_kept_ones_do_not(appending: Lake) -> None:
    add(appending, f"{DAY}-a", 1, 2)
    kept = add(appending, f"{DAY}-b", 3)
    add(appending, f"{DAY}-c", 4)
    add(appending, f"{NEXT}-a", 5)
    undisturbed = content_of(appending, RAW)
    words = {name: word.of.ledger for name, word in served(appending, RAW).items()}

    plan = roll_back(appending, RAW, kept, run_id=RUN)
    between = ids(appending, RAW)
    again = run(appending, RAW, DAY, NEXT)

    assert (between, len(plan.batches)) == (["1", "2", "3"], 2)
    assert statuses(again) == {DAY: "published", NEXT: "published"}
    assert content_of(appending, RAW).hash == undisturbed.hash
    assert {name: word.of.ledger for name, word in served(appending, RAW).items()} == words
    assert statuses(run(appending, RAW, DAY, NEXT)) == {DAY: "unchanged", NEXT: "unchanged"}


def test_a_rollback_of_appends_that_is_undone_knows_all_batches_again(appending: Lake) -> None:
    first = add(appending, f"{DAY}-a", 1)
    last = add(appending, f"{DAY}-b", 2)
    undisturbed = content_of(appending, RAW).hash

    roll_back(appending, RAW, first, run_id=RUN)
    roll_back(appending, RAW, last, run_id=RUN)

    assert statuses(run(appending, RAW, DAY)) == {DAY: "unchanged"}
    assert content_of(appending, RAW).hash == undisturbed


def test_the_state_store_hears_of_appends_before_and_after_a_rollback(appending: Lake) -> None:
    first = add(appending, f"{DAY}-a", 1)
    add(appending, f"{DAY}-b", 2, 3)
    told = [status_of(appending, RAW)]

    roll_back(appending, RAW, first, run_id=RUN)
    told.append(status_of(appending, RAW))
    run(appending, RAW, DAY)
    told.append(status_of(appending, RAW))

    assert told == [{DAY: ("published", rows)} for rows in (3, 1, 3)]


def test_no_commit_of_a_rollback_adds_and_removes_the_same_path(appending: Lake) -> None:
    first = add(appending, f"{DAY}-a", 1)
    add(appending, f"{DAY}-b", 2)

    roll_back(appending, RAW, first, run_id=RUN)

    log = Path(appending.root_of(RAW), "_delta_log", f"{version_of(appending, RAW):020}.json")
    actions = pl.read_ndjson(log, infer_schema_length=None)
    added = set(actions["add"].struct.field("path").drop_nulls())
    removed = set(actions["remove"].struct.field("path").drop_nulls())
    assert (len(added), len(removed), added & removed) == (1, 2, set())


def test_writers_that_publish_while_a_table_is_rolled_back_lose_nothing_and_tear_nothing(appending: Lake) -> None:
    first = add(appending, f"{DAY}-0", "0")
    for number in range(1, 7):
        deliver(appending, f"{DAY}-{number}", [order(number)])
    racers = [start(appending, 3, str(RAW), DAY) for _ in range(2)]
    let_go(*racers)

    while any(racer.poll() is None for racer in racers):
        try:
            roll_back(appending, RAW, first, run_id=RUN)
        except (NothingToDoError, PublishConflictError):
            continue
    said = [racer.communicate() for racer in racers]
    run(appending, RAW, DAY)

    assert [racer.returncode for racer in racers] == [0, 0], said
    assert ids(appending, RAW) == [str(number) for number in range(7)]


_ALTERNATING = """
import os, sys
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.pipeline.rollback import roll_back
from lakehouse_assets.settings import load_settings
lake = open_lake(load_settings(os.environ))
sys.stdout.write("GO\\n")
sys.stdout.flush()
sys.stdin.readline()
for number in range(200):
    roll_back(lake, TableName.parse("bronze/shop/orders"), int(sys.argv[1 + number % 2]), run_id="killed")
"""


@pytest.mark.parametrize("seed", SEEDS, ids=["seed-1", "seed-2", "fresh-seed"])
def test_a_killed_rollback_happened_or_did_not(appending: Lake, seed: int) -> None:
    first = add(appending, f"{DAY}-a", 1)
    last = add(appending, f"{DAY}-b", 2)
    command = [sys.executable, "-c", _ALTERNATING, str(first), str(last)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, text=True, cwd=ROOT, env=variables_of(appending), stdin=pipe, stdout=pipe)
    let_go(process)
    try:
        process.wait(random.Random(seed).uniform(0, 1))  # noqa: S311 - a campaign must be repeatable
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()

    held = ids(appending, RAW)
    told = status_of(appending, RAW)
    run(appending, RAW, DAY)

    assert held in (["1"], ["1", "2"]), f"seed {seed}"
    assert told == {DAY: ("published", len(held))}, f"seed {seed}"
    assert ids(appending, RAW) == ["1", "2"], f"seed {seed}"
