"""Running a backfill: newest first, so many partitions at once, and again from where it was when it was killed.

A blocked partition is told and stops nothing; what raises fails its own chunk. Records say what the runs were for, so
that anomaly baselines leave them out.
"""

import dataclasses
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.backfills.journal import (
    BLOCKED,
    FAILED,
    WAITING,
    Backfill,
    Order,
    Outcome,
    write_backfill,
    write_page,
)
from lakehouse_assets.pipeline.backfills.measures import measures_of
from lakehouse_assets.pipeline.backfills.page import to_page
from lakehouse_assets.pipeline.backfills.plan import Plan, plan_backfill
from lakehouse_assets.pipeline.backfills.reconcile import reconcile
from lakehouse_assets.pipeline.intent import Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import PartitionResult

# A backfill that was killed can be resumed after so long.
LEASE_SECONDS = 15.0
_DONE = frozenset({"published", "unchanged"})
_SKIPPED = ("closed", "outside", "not_due")
Tell = Callable[[Sequence[Outcome]], None]


def start(lake: Lake, order: Order, now: datetime) -> Backfill:
    """Return a new backfill, kept beside the lake with the measures of everything it may change."""
    table = TableName.parse(order.table)
    plan = plan_backfill(lake, table, order.first, order.last, now)
    outcomes: list[Outcome] = []
    for name, partitions in _wanted(plan, downstream=order.downstream):
        before = measures_of(lake, TableName.parse(name), partitions)
        outcomes += [Outcome(name, key, before=before.get(key)) for key in sorted(partitions, reverse=True)]
    backfill = Backfill(
        id=f"bf-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        order=order,
        created_at=now.isoformat(),
        outcomes=tuple(outcomes),
        skipped={name: getattr(plan.scope, name) for name in _SKIPPED},
        plan=dataclasses.asdict(plan),
    )
    write_backfill(lake, backfill)
    return backfill


def go_on(lake: Lake, backfill: Backfill, tell: Tell) -> Backfill:
    """Run what is waiting or failed, measure and reconcile everything, and write it down.

    Raises LeaseHeldError when another process goes on with it: two would write over each other's outcomes.
    """
    with held(lake, f"backfill {backfill.id}", seconds=LEASE_SECONDS, wait_seconds=LEASE_SECONDS + 5):
        return _go_on(lake, backfill, tell)


def _go_on(lake: Lake, backfill: Backfill, tell: Tell) -> Backfill:
    due = [one for one in backfill.outcomes if one.status in {WAITING, FAILED}]
    for number, chunk in enumerate(_chunks(due, backfill.order.at_once)):
        if number:
            time.sleep(backfill.order.pause_seconds)
        done = _run(lake, backfill.id, chunk)
        backfill = dataclasses.replace(backfill, outcomes=_replaced(backfill.outcomes, done), finished_at="")
        write_backfill(lake, backfill)
        tell(done)
    finished = dataclasses.replace(
        backfill, outcomes=tuple(_measured(lake, backfill.outcomes)), finished_at=datetime.now(UTC).isoformat()
    )
    write_backfill(lake, finished)
    write_page(lake, finished.id, to_page(finished))
    return finished


def _wanted(plan: Plan, *, downstream: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    for work in (plan.work, *(plan.downstream if downstream else ())):
        yield work.table, work.partitions


def _chunks(due: Iterable[Outcome], size: int) -> Iterator[list[Outcome]]:
    for _, group in groupby(due, key=lambda one: one.table):
        waiting = list(group)
        yield from (waiting[start : start + size] for start in range(0, len(waiting), size))


def _run(lake: Lake, backfill_id: str, chunk: Sequence[Outcome]) -> list[Outcome]:
    table, told = TableName.parse(chunk[0].table), dict[str, PartitionResult]()
    failure = ""
    started = time.perf_counter()
    try:
        intent = Intent(purpose=f"backfill {backfill_id}")
        for result in materialise(lake, table, [one.partition for one in chunk], run_id=backfill_id, intent=intent):
            told[result.partition] = result
    except LakehouseError as error:
        failure = str(error)
    seconds = (time.perf_counter() - started) / len(chunk)
    return [_outcome(one, told.get(one.partition), failure, seconds) for one in chunk]


def _outcome(one: Outcome, result: PartitionResult | None, failure: str, seconds: float) -> Outcome:
    if result is None:
        return dataclasses.replace(one, status=FAILED, message=failure, seconds=seconds)
    status = BLOCKED if result.is_blocked else result.status
    return dataclasses.replace(
        one,
        status=status,
        message=result.message.removeprefix(f"{one.table} {one.partition}: "),
        publish=result.publish,
        seconds=round(seconds, 3),
    )


def _replaced(outcomes: Iterable[Outcome], done: Sequence[Outcome]) -> tuple[Outcome, ...]:
    fresh = {(one.table, one.partition): one for one in done}
    return tuple(fresh.get((one.table, one.partition), one) for one in outcomes)


def _measured(lake: Lake, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for table, group in groupby(outcomes, key=lambda one: one.table):
        name, every = TableName.parse(table), list(group)
        after = measures_of(lake, name, [one.partition for one in every])
        source = reconcile(lake, name, [one.partition for one in every if one.status in _DONE])
        for one in every:
            yield dataclasses.replace(one, after=after.get(one.partition), source=source.get(one.partition))
