"""Cutting the derivation of many keys into passes whose changes fit into memory; a key is never in two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw

from lakehouse_assets.engines import kit
from lakehouse_assets.naming import BUCKET
from lakehouse_assets.pipeline.entities.entity import Entity
from lakehouse_assets.storage.staged import in_memory

ROWS_PER_PASS = 1_000_000
MOST_PASSES = 300
SPILL_PARTS = 32  # written side by side, each held in memory until a row group is full
_PLACE = "__place"


@dataclass(frozen=True, slots=True)
class Pass:
    """Some whole buckets, or the `part`-th of several parts of one bucket that is too large."""

    buckets: tuple[str, ...]
    part: int = 0
    parts: int = 1


def passes_for(rows: int) -> int:
    """Return how many passes some rows need; one, when there are none."""
    return -(-rows // ROWS_PER_PASS) or 1


def cut(sizes: Mapping[str, int], *, whole: bool = False) -> list[Pass]:
    """Cut buckets into passes of so many rows, or not at all; `sizes` are the rows of each bucket."""
    if whole:
        return [Pass(tuple(sizes))] if sizes else []
    most = _most(sizes)
    parts = {group: -(-max(sizes[bucket] for bucket in group) // most) or 1 for group in grouped(sizes)}
    return [Pass(group, part, count) for group, count in parts.items() for part in range(count)]


def grouped(sizes: Mapping[str, int]) -> list[tuple[str, ...]]:
    """Put buckets together as long as they hold no more rows than a pass; a larger one is alone."""
    groups: list[tuple[str, ...]] = []
    held = 0
    for bucket, size in sorted(sizes.items(), key=lambda item: int(item[0])):
        held += size
        if groups and held <= _most(sizes):
            groups[-1] = (*groups[-1], bucket)
        else:
            groups.append((bucket,))
            held = size
    return groups


def _most(sizes: Mapping[str, int]) -> int:
    return max(ROWS_PER_PASS, sum(sizes.values()) // MOST_PASSES)


def with_bucket(rows: nw.LazyFrame, entity: Entity) -> nw.LazyFrame:
    """Add the bucket of each row's key."""
    return rows.with_columns(_place(entity, entity.buckets).cast(nw.String).alias(BUCKET))


def inside(rows: nw.LazyFrame, entity: Entity, one: Pass) -> nw.LazyFrame:
    """Keep the rows whose key belongs to a pass."""
    if one.parts == 1 and len(one.buckets) == entity.buckets:
        return rows
    place = nw.col(_PLACE)
    wanted = place.is_in(_places(entity, one))
    return rows.with_columns(_place(entity, entity.buckets * one.parts).alias(_PLACE)).filter(wanted).drop(_PLACE)


def spill_part(entity: Entity) -> nw.Expr:
    """Return into which part of a spilled log a row's key belongs; buckets beyond the first parts share them."""
    return _place(entity, entity.buckets) % SPILL_PARTS


def spill_parts_of(one: Pass) -> set[str]:
    """Return the parts of a spilled log that hold the keys of a pass."""
    return {str(int(bucket) % SPILL_PARTS) for bucket in one.buckets}


def _places(entity: Entity, one: Pass) -> Sequence[int]:
    return [int(bucket) + entity.buckets * one.part for bucket in one.buckets]


def _place(entity: Entity, parts: int) -> nw.Expr:
    types = in_memory({name: entity.changed[name] for name in entity.keys})
    return kit.spread(types, parts)
