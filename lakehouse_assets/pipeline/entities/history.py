"""From changes to the versions of an entity: half-open intervals `[valid_from, valid_to)`. Pure functions.

A version opens with a change of a tracked column, or with the first change after a deletion; the next version or a
deletion closes it. Columns of type 2 are told as they were then, those of type 0, 1 and 3 as `current` tells.
"""

import narwhals as nw

from lakehouse_assets.engines import kit
from lakehouse_assets.naming import (
    DELETED,
    DELETED_AT,
    IS_CURRENT,
    IS_DELETED,
    VALID_FROM,
    VALID_TO,
    current_of,
)
from lakehouse_assets.pipeline.entities.current import extreme, first_and_previous, one_per_moment, placed
from lakehouse_assets.pipeline.entities.entity import NEWEST, PREVIOUS, Entity

_STATE, _BEFORE, _NEXT_DELETED = "__state", "__before", "__next_deleted"


def history(changes: nw.LazyFrame, entity: Entity) -> nw.LazyFrame:
    """Return every version of every key."""
    ordered = one_per_moment(placed(changes, entity), entity)
    live = ordered.filter(~nw.col(DELETED))
    rows = _versions(ordered, entity)
    rows = _newest_values(rows, live, entity)
    rows = first_and_previous(rows, live, entity)
    return _with_surrogate(rows, entity).select(*entity.stored)


def _versions(ordered: nw.LazyFrame, entity: Entity) -> nw.LazyFrame:
    keys, sequence = entity.keys, entity.sequence_by
    state = nw.when(~nw.col(DELETED)).then(_state(ordered, entity))
    rows = ordered.with_columns(state.alias(_STATE))
    rows = rows.with_columns(nw.col(_STATE).shift(1).over(*keys, order_by=sequence).alias(_BEFORE))
    was_live = ~nw.col(_BEFORE).is_null()
    opens = ~nw.col(DELETED) & (~was_live | (nw.col(_STATE) != nw.col(_BEFORE)))
    bounds = rows.filter(opens | (nw.col(DELETED) & was_live))
    following = {VALID_TO: sequence, _NEXT_DELETED: DELETED}
    bounds = bounds.with_columns(
        *(nw.col(of).shift(-1).over(*keys, order_by=sequence).alias(alias) for alias, of in following.items())
    )
    versions = bounds.filter(~nw.col(DELETED))
    is_ended = nw.col(_NEXT_DELETED).fill_null(value=False)
    return versions.with_columns(
        nw.col(sequence).alias(VALID_FROM),
        nw.col(VALID_TO).is_null().alias(IS_CURRENT),
        is_ended.alias(IS_DELETED),
        nw.when(is_ended).then(nw.col(VALID_TO)).alias(DELETED_AT),
    )


def _state(rows: nw.LazyFrame, entity: Entity) -> nw.Expr:
    """Return one number that differs where a tracked column does: one window instead of one a column."""
    if not entity.tracked:
        return nw.lit(0, nw.Int64)
    types = rows.collect_schema()
    return kit.row_hash({name: types[name] for name in entity.tracked})


def _newest_values(rows: nw.LazyFrame, live: nw.LazyFrame, entity: Entity) -> nw.LazyFrame:
    keys = list(entity.keys)
    everywhere, beside = [*entity.of_type(NEWEST), *entity.of_type(PREVIOUS)], entity.currents
    if not everywhere and not beside:
        return rows
    values = extreme(live, keys, [entity.sequence_by])
    values = values.select(*keys, *everywhere, *(nw.col(name).alias(current_of(name)) for name in beside))
    return rows.drop(*everywhere).join(values, on=keys, how="left")


def _with_surrogate(rows: nw.LazyFrame, entity: Entity) -> nw.LazyFrame:
    types = rows.collect_schema()
    identity = {name: types[name] for name in (*entity.keys, VALID_FROM)}
    return rows.with_columns(kit.row_hash(identity).alias(entity.surrogate))
