"""Backfills on real lakes: what the plan says, what runs in which order, what a kill leaves, what is written down."""

import dataclasses
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets.errors import LeaseHeldError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.backfills.journal import Backfill, Order, list_backfills, read_backfill, write_backfill
from lakehouse_assets.pipeline.backfills.run import go_on, start
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.state.reports import volume_history
from lakehouse_assets_tests.lakes import (
    ORDERS,
    RAW,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    retail_environment,
    rows_of,
    run,
    shop_lake,
    stored,
    transform,
)
from lakehouse_assets_tests.places import Place
from lakehouse_assets_tests.repository import SCRIPTS
from lakehouse_assets_tests.repository import run as command
from lakehouse_assets_tests.retail_files import DAYS, write_day, write_days

pytestmark = pytest.mark.integration

NOW = datetime(2010, 12, 20, 12, tzinfo=UTC)
WEEK = [f"2010-12-{day:02d}" for day in range(1, 8)]
DAILY = TableName("gold", ("daily",))
_GOLD = """\
      - {name: sold_on, logicalType: date, required: true, primaryKey: true,
         transformSourceObjects: [silver.orders.changed_at], transformLogic: date of changed_at}
      - {name: amount, logicalType: integer, physicalType: long, transformSourceObjects: [silver.orders.amount],
         transformLogic: sum}
"""
_FUNCTION = '''
import narwhals as nw


def daily(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Sum amounts a day."""
    days = orders.with_columns(nw.col("changed_at").dt.date().alias("sold_on"))
    return days.group_by("sold_on").agg(nw.col("amount").sum())
'''


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a shop in whose week the 4th is blocked and the 6th never came; an order is worth ten times its day."""
    lake = shop_lake(tmp_path, orders_contract(gate="{maxQuarantineRatio: 0.4, emptyPartition: allow}"))
    for number, day in enumerate(WEEK, 1):
        if number != 6:
            amount: object = "many" if number == 4 else 10 * number
            deliver(lake, day, [order(1, amount=amount), order(2, amount=amount)])
            refresh(lake, day)
    return lake


def ordered(**changes: Any) -> Order:  # noqa: ANN401 - any field may change
    return dataclasses.replace(Order(str(ORDERS), WEEK[0], WEEK[-1]), **changes)


def backfill(lake: Lake, **changes: Any) -> Backfill:  # noqa: ANN401 - same
    return go_on(lake, start(lake, ordered(**changes), NOW), lambda _: None)


def of(found: Backfill) -> dict[str, str]:
    return {one.partition: one.status for one in found.outcomes if one.table == found.order.table}


def environment(lake: Lake, folder: Path) -> Mapping[str, str]:
    return {**os.environ, "LAKEHOUSE_ROOT": lake.root, "LAKEHOUSE_CONFIG_DIR": str(folder / "config")}


def test_days_run_newest_first_and_a_blocked_one_stops_nobody(lake: Lake) -> None:
    asked: list[list[str]] = []

    found = go_on(
        lake, start(lake, ordered(at_once=2), NOW), lambda done: asked.append([one.partition for one in done])
    )

    newest_first = sorted(WEEK, reverse=True)
    assert asked == [newest_first[:2], newest_first[2:4], newest_first[4:6], newest_first[6:]]
    blocked = {"2010-12-04", "2010-12-06"}
    assert of(found) == {day: "blocked" if day in blocked else "unchanged" for day in WEEK}
    assert found.status == "problems"
    assert {one.partition for one in found.problems} == blocked


def test_what_is_skipped_by_design_is_no_problem(lake: Lake) -> None:
    found = backfill(lake, first="2010-11-28", last=WEEK[1])

    assert found.status == "done"
    assert found.skipped["outside"] == ("2010-11-28", "2010-11-29", "2010-11-30")


def test_rows_and_sums_are_measured_before_and_after_and_compared_with_the_source(lake: Lake) -> None:
    deliver(lake, WEEK[1], [order(1, amount=7), order(2, amount=8), order(3, amount=9)])
    run(lake, RAW, WEEK[1])

    found = backfill(lake, first=WEEK[0], last=WEEK[1])

    by_day = {one.partition: one for one in found.outcomes}
    changed, same = by_day[WEEK[1]], by_day[WEEK[0]]
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before.rows, changed.before.sums) == (2, {"amount": "40"})
    assert (changed.after.rows, changed.after.sums) == (3, {"amount": "24"})
    assert same.before == same.after
    assert changed.source is not None
    assert (changed.source.source_rows, changed.source.read_rows) == (3, 3)
    page = Path(lake.root, f"_lakehouse/backfills/{found.id}.md").read_text(encoding="utf-8")
    assert f"| silver/orders | {WEEK[1]} | published | 2 | 3 | amount 40 → 24 | 3 | 3 |" in page


def test_bronze_is_compared_with_its_files(lake: Lake) -> None:
    found = backfill(lake, table=str(RAW), first=WEEK[0], last=WEEK[2])

    counted = {one.partition: one.source for one in found.outcomes}
    pairs = {day: source and (source.source_rows, source.read_rows) for day, source in counted.items()}
    assert pairs == dict.fromkeys(WEEK[:3], (2, 2))


def test_a_source_that_moved_after_it_was_read_is_a_problem(lake: Lake) -> None:
    begun = start(lake, ordered(table=str(RAW), first=WEEK[0], last=WEEK[0]), NOW)

    def correct(_: object) -> None:
        deliver(lake, WEEK[0], [order(1), order(2), order(3)])

    found = go_on(lake, begun, correct)

    [problem] = found.problems
    assert problem.source is not None
    assert (problem.source.source_rows, problem.source.read_rows) == (3, 2)
    assert problem.source.note == "the source was changed since it was read"


def test_everything_below_follows_when_asked(tmp_path: Path) -> None:
    silver = orders_contract("{identicalRows: keep, eventTime: changed_at, lateness: 1d}")
    gold = contract("daily", _GOLD, layer="gold", load="{mode: partition, partitionColumn: sold_on, lateness: 1d}")
    with transform(tmp_path, "gold/daily", _FUNCTION):
        lake = shop_lake(tmp_path, silver, contracts={"gold/daily": gold})
        for day in WEEK:
            deliver(lake, day, [order(1, changed_at=f"{day} 10:00:00")])
        for table in (RAW, ORDERS, DAILY):
            run(lake, table, *WEEK)
        late = order(2, changed_at=f"{WEEK[2]} 10:00:00", amount=5)
        deliver(lake, WEEK[3], [order(1, changed_at=f"{WEEK[3]} 10:00:00"), late])

        found = backfill(lake, table=str(RAW), first=WEEK[3], last=WEEK[3], downstream=True)

        sums = {str(day): amount for day, amount in rows_of(lake, DAILY).select("sold_on", "amount").rows()}
    assert [(one.table, one.partition, one.status) for one in found.outcomes] == [
        (str(RAW), WEEK[3], "published"),
        (str(ORDERS), WEEK[3], "published"),
        (str(DAILY), WEEK[4], "unchanged"),
        (str(DAILY), WEEK[3], "unchanged"),
        (str(DAILY), WEEK[2], "published"),
    ]
    assert sums == dict.fromkeys(WEEK, 10) | {WEEK[2]: 15}


def test_records_say_that_a_backfill_wrote_them_and_baselines_leave_them_out(lake: Lake) -> None:
    deliver(lake, WEEK[0], [order(1), order(2), order(3)])
    run(lake, RAW, WEEK[0])

    found = backfill(lake, first=WEEK[0], last=WEEK[0])

    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            volumes = dict(volume_history(connection, str(ORDERS)))
    assert served(lake, ORDERS)[WEEK[0]].record.purpose == f"backfill {found.id}"
    assert served(lake, ORDERS)[WEEK[1]].record.purpose == ""
    assert volumes[WEEK[0]] == 2


def test_an_error_fails_its_chunk_alone_and_the_next_attempt_mends_it(lake: Lake) -> None:
    deliver(lake, WEEK[1], [order(1)])
    run(lake, RAW, WEEK[1])
    begun = start(lake, ordered(first=WEEK[0], last=WEEK[1], at_once=1), NOW)
    folder = Path(lake.root, "bronze/shop/orders/_proc_date=2010-12-02")
    folder.rename(folder.with_name("elsewhere"))

    broken = go_on(lake, begun, lambda _: None)
    folder.with_name("elsewhere").rename(folder)
    mended = go_on(lake, read_backfill(lake, begun.id), lambda _: None)

    assert of(broken) == {WEEK[1]: "failed", WEEK[0]: "unchanged"}
    assert of(mended) == {WEEK[1]: "published", WEEK[0]: "unchanged"}
    assert (broken.status, mended.status) == ("problems", "done")


def test_a_backfill_that_is_killed_goes_on_by_its_id_with_what_it_measured_before(lake: Lake, tmp_path: Path) -> None:
    for day in WEEK[:3]:
        deliver(lake, day, [order(1, amount=1)])
        run(lake, RAW, day)
    what = ("run", str(ORDERS), "--from", WEEK[0], "--to", WEEK[2], "--at-once", "1", "--pause", "600")
    environ = environment(lake, tmp_path)
    process = subprocess.Popen((SCRIPTS / "lakehouse", "backfill", *what), env=environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any(status != "waiting" for each in list_backfills(lake) for status in of(each).values()):
        assert time.monotonic() < deadline
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    [killed] = list_backfills(lake)
    patient = dataclasses.replace(killed, order=dataclasses.replace(killed.order, pause_seconds=0))
    write_backfill(lake, patient)

    resumed = command(SCRIPTS / "lakehouse", "backfill", "run", "--resume", killed.id, "--json", env=environ)

    assert (killed.status, of(killed)) == (
        "unfinished",
        {WEEK[2]: "published", WEEK[1]: "waiting", WEEK[0]: "waiting"},
    )
    assert resumed.returncode == 0, resumed.stderr
    found = json.loads(resumed.stdout)
    assert [one["status"] for one in found["outcomes"]] == ["published"] * 3
    assert [one["before"]["sums"]["amount"] for one in found["outcomes"]] == ["60", "40", "20"]
    assert [one["after"]["sums"]["amount"] for one in found["outcomes"]] == ["1", "1", "1"]


def test_a_second_look_at_a_finished_backfill_changes_nothing(lake: Lake) -> None:
    found = backfill(lake, first=WEEK[0], last=WEEK[1])
    before = stored(Path(lake.root))

    again = go_on(lake, read_backfill(lake, found.id), lambda _: None)

    assert again.outcomes == found.outcomes
    assert stored(Path(lake.root)) == before


def test_two_processes_never_go_on_with_the_same_backfill(lake: Lake) -> None:
    begun = start(lake, ordered(first=WEEK[0], last=WEEK[0]), NOW)

    with held(lake, f"backfill {begun.id}"), pytest.raises(LeaseHeldError):
        go_on(lake, begun, lambda _: None)

    assert of(read_backfill(lake, begun.id)) == {WEEK[0]: "waiting"}


def test_a_backfill_runs_and_is_kept_wherever_the_lake_lies(tmp_path: Path, place: Place) -> None:
    state = {"LAKEHOUSE_STATE_URL": f"sqlite:///{tmp_path}/state.db"}
    lake = shop_lake(tmp_path, environ={**place.environ, **state})
    for day in WEEK[:2]:
        deliver(lake, day, [order(1, amount=4)])
        refresh(lake, day)
    deliver(lake, WEEK[0], [order(1, amount=5)])

    found = backfill(lake, table=str(RAW), first=WEEK[0], last=WEEK[2], downstream=True)

    assert of(found) == {WEEK[0]: "published", WEEK[1]: "unchanged", WEEK[2]: "blocked"}
    kept = read_backfill(lake, found.id)
    assert kept.outcomes == found.outcomes
    assert {one.after.sums["amount"] for one in kept.outcomes if one.after and one.table == str(ORDERS)} == {"5", "4"}
    assert f"_lakehouse/backfills/{found.id}.md" in {path.removeprefix("lake/") for path in place.listing()}


def test_pauses_lie_between_chunks_only(lake: Lake) -> None:
    started = time.monotonic()

    backfill(lake, first=WEEK[0], last=WEEK[1], pause_seconds=600, at_once=2)

    assert timedelta(seconds=time.monotonic() - started) < timedelta(seconds=600)


def test_the_commands_end_as_the_backfill_did(tmp_path: Path) -> None:
    write_day(tmp_path / "drop", "2010-12-01", [])
    write_days(tmp_path / "drop", 20, DAYS[1:])
    environ = retail_environment(tmp_path / "lake", tmp_path / "drop")
    table = "bronze/retail/order_lines"

    def say(*words: str) -> subprocess.CompletedProcess[str]:
        return command(SCRIPTS / "lakehouse", "backfill", *words, env=environ)

    good = say("run", table, "--from", "2010-12-02", "--to", "2010-12-04", "--reason", "first load")
    bad = say("run", table, "--from", "2010-12-01", "--to", "2010-12-02")
    plan = say("plan", table, "--from", "2010-12-01", "--to", "2010-12-04", "--json")
    listed = json.loads(say("list", "--json").stdout)
    shown = say("show", listed[1]["id"])
    nothing = say("run", table)

    assert (good.returncode, bad.returncode, nothing.returncode) == (0, 1, 1), good.stderr
    assert "skipped by design, closed: 2010-12-04" in good.stdout
    assert json.loads(plan.stdout)["scope"]["blocked"] == ["2010-12-01"]
    assert [(each["status"], each["reason"]) for each in listed] == [("problems", ""), ("done", "first load")]
    assert "2010-12-03" in shown.stdout
    assert "nothing says what to run" in nothing.stderr
