"""Rules of every derived table, judged on the rows of each publish: one row per key, versions without overlap or gap.

They are built in, and each of them keeps the whole publish back. What is staged is judged against itself; what was
computed also against the changes it came from, found by another way than it was computed; what was carried is counted.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.naming import DELETED, IS_CURRENT, VALID_FROM, VALID_TO
from lakehouse_assets.pipeline.entities.current import newest, placed
from lakehouse_assets.pipeline.entities.entity import Entity
from lakehouse_assets.quality.judge import result_of
from lakehouse_assets.results import Dimension, OnFailure, Outcome, RuleResult, Severity

ONE_ROW, NO_OVERLAP, NO_GAP, ONE_CURRENT = "one_row_per_key", "no_overlap", "no_gap", "one_current_version"
ROWS_CARRIED = "rows_carried"
_FAILED, _NEXT = "__failed", "__next"
# Of versions that begin together, which is wrong, the same ones count on every engine.
_ORDER = (VALID_FROM, VALID_TO)
_SAID = {
    ONE_ROW: "keys with more than one row, or none",
    NO_OVERLAP: "versions that overlap another one, or end before they begin",
    NO_GAP: "versions that end without a deletion or a next version",
    ONE_CURRENT: "keys without exactly one current version while they live",
    ROWS_CARRIED: "rows of untouched keys missing or doubled",
}
_HISTORY = (NO_OVERLAP, NO_GAP, ONE_CURRENT)


def entity_rules(entity: Entity) -> tuple[RuleSpec, ...]:
    """Return the rules that a derived table has without declaring them."""
    return tuple(_spec(name) for name in (*(_HISTORY if entity.is_history else (ONE_ROW,)), ROWS_CARRIED))


def entity_results(entity: Entity, failed: Counter[str], rows: int) -> tuple[RuleResult, ...]:
    """Return what the rules said; `failed` counts what was found wrong in all passes."""
    return tuple(
        result_of(spec, Outcome.FAIL, failed[spec.id], rows, reason=f"{failed[spec.id]} {_SAID[spec.id]}")
        if failed[spec.id]
        else result_of(spec, Outcome.PASS, 0, rows)
        for spec in entity_rules(entity)
    )


def judge_rows(rows: nw.LazyFrame, entity: Entity, collect: Callable[[nw.LazyFrame], pl.DataFrame]) -> Counter[str]:
    """Judge rows as they were staged: whole keys, carried and computed ones alike."""
    if not entity.is_history:
        counted = rows.group_by(*entity.keys).agg(nw.len().alias("__rows"))
        wrong = counted.filter((nw.col("__rows") > 1) | _has_null(entity.keys))
        return Counter({ONE_ROW: _count(wrong, collect)})
    keys = entity.keys
    starts, ends, is_current = nw.col(VALID_FROM), nw.col(VALID_TO), nw.col(IS_CURRENT)
    rows = rows.with_columns(starts.shift(-1).over(*keys, order_by=_ORDER).alias(_NEXT))
    following = nw.col(_NEXT)
    runs_into = (ends > following).fill_null(value=False) | (ends.is_null() & ~following.is_null())
    overlaps = rows.filter(runs_into | (ends <= starts).fill_null(value=False) | starts.is_null() | _has_null(keys))
    currents = rows.group_by(*keys).agg(
        is_current.cast(nw.Int64).sum().alias("__current"),
        (is_current != ends.is_null()).cast(nw.Int64).sum().alias("__wrong"),
    )
    torn = currents.filter((nw.col("__current") > 1) | (nw.col("__wrong") > 0))
    return Counter({NO_OVERLAP: _count(overlaps, collect), ONE_CURRENT: _count(torn, collect)})


def judge_computed(
    rows: nw.LazyFrame, changes: nw.LazyFrame, entity: Entity, collect: Callable[[nw.LazyFrame], pl.DataFrame]
) -> Counter[str]:
    """Judge computed rows by all changes of their keys: nobody alive is missing, and only deletions leave a gap."""
    keys, name = list(entity.keys), ONE_CURRENT if entity.is_history else ONE_ROW
    alive = newest(placed(changes, entity), entity).filter(~nw.col(DELETED)).select(*keys)
    present = rows.filter(nw.col(IS_CURRENT)) if entity.is_history else rows
    found = Counter({name: sum(_count(frame, collect) for frame in _apart(alive, present.select(*keys), keys, entity))})
    if not entity.is_history:
        return found
    following = nw.col(VALID_FROM).shift(-1).over(*keys, order_by=_ORDER)
    ended = rows.with_columns(following.alias(_NEXT)).filter(~nw.col(VALID_TO).is_null())
    gaps = ended.filter((nw.col(_NEXT) != nw.col(VALID_TO)).fill_null(value=True)).select(*keys, VALID_TO)
    deletions = changes.filter(nw.col(DELETED)).select(*keys, nw.col(entity.sequence_by).alias(VALID_TO))
    return found + Counter({NO_GAP: _count(gaps.join(deletions, on=[*keys, VALID_TO], how="anti"), collect)})


def _apart(alive: nw.LazyFrame, present: nw.LazyFrame, keys: Sequence[str], entity: Entity) -> Iterator[nw.LazyFrame]:
    yield alive.join(present, on=list(keys), how="anti")
    if entity.is_history or not entity.soft_deletes:
        yield present.join(alive, on=list(keys), how="anti")


def _has_null(keys: Sequence[str]) -> nw.Expr:
    return nw.any_horizontal(*(nw.col(key).is_null() for key in keys), ignore_nulls=True)


def _count(rows: nw.LazyFrame, collect: Callable[[nw.LazyFrame], pl.DataFrame]) -> int:
    return int(collect(rows.select(nw.len().alias(_FAILED))).item())


def _spec(name: str) -> RuleSpec:
    return RuleSpec(
        id=name,
        rule=name,
        kind=RuleKind.TABLE,
        dimension=Dimension.UNIQUENESS if name in {ONE_ROW, ONE_CURRENT} else Dimension.CONSISTENCY,
        severity=Severity.CRITICAL,
        on_failure=OnFailure.BLOCK,
        fingerprint=hashlib.sha256(name.encode()).hexdigest(),
    )
