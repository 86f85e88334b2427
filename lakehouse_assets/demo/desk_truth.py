"""What follows from the changes of accounts, told once more in plain Python: no frames, nothing of the derivation.

The rows here are what the derived tables must hold, whatever happened to the files on the way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import astuple
from itertools import groupby
from operator import attrgetter

from lakehouse_assets.demo.desk import Change

NOW = (
    "customer_id", "full_name", "email", "country", "loyalty_level", "previous_loyalty_level", "is_subscribed",
    "joined_date", "is_deleted", "deleted_at",
)  # fmt: skip
VERSIONS = (
    "customer_id", "valid_from", "valid_to", "is_current", "full_name", "email", "country", "loyalty_level",
    "previous_loyalty_level", "is_subscribed", "joined_date",
)  # fmt: skip
Row = tuple[object, ...]


def accounts_now(changes: Iterable[Change]) -> set[Row]:
    """Return one row an account, closed ones marked, with the columns of `NOW`."""
    return {row for account in _accounts(changes) for row in _now(account)}


def versions(changes: Iterable[Change]) -> set[Row]:
    """Return one row a version, with the columns of `VERSIONS`; only country and newsletter make one."""
    return {row for account in _accounts(changes) for row in _versions(account)}


def _accounts(changes: Iterable[Change]) -> Iterator[list[Change]]:
    by_account = attrgetter("customer_id", "changed_at")
    ordered = sorted(set(changes), key=lambda change: (*by_account(change), astuple(change)))
    for _, account in groupby(ordered, key=attrgetter("customer_id")):
        yield list(account)


def _now(account: list[Change]) -> Iterator[Row]:
    alive = [change for change in account if not change.is_deletion]
    if not alive:
        return
    last = alive[-1]
    closed = [change.changed_at for change in account if change.is_deletion and change.changed_at > last.changed_at]
    yield (
        last.customer_id, last.full_name, last.email, last.country, last.loyalty_level, _level_before(alive),
        last.is_subscribed, alive[0].joined_date, bool(closed), min(closed, default=None),
    )  # fmt: skip


def _versions(account: list[Change]) -> Iterator[Row]:
    alive = [change for change in account if not change.is_deletion]
    if not alive:
        return
    last, spans = alive[-1], list(_spans(account))
    for first, until in spans:
        yield (
            first.customer_id, first.changed_at, until, until is None, last.full_name, last.email, first.country,
            last.loyalty_level, _level_before(alive), first.is_subscribed, alive[0].joined_date,
        )  # fmt: skip


def _spans(account: list[Change]) -> Iterator[tuple[Change, object]]:
    began: Change | None = None
    for change in account:
        is_same = (
            began is not None
            and not change.is_deletion
            and (began.country, began.is_subscribed) == (change.country, change.is_subscribed)
        )
        if is_same:
            continue
        if began is not None:
            yield began, change.changed_at
        began = None if change.is_deletion else change
    if began is not None:
        yield began, None


def _level_before(alive: list[Change]) -> str | None:
    levels = [level for level, _ in groupby(change.loyalty_level for change in alive)]
    return levels[-2] if len(levels) > 1 else None
