"""Cases of statistics: counts, ends, samples and estimates of columns of every type, through to what is kept."""

from collections.abc import Iterator

import polars as pl

from lakehouse_assets.quality.column_statistics import (
    SAMPLE,
    Known,
    counts,
    described,
    distinct_below,
    extremes,
    sampled,
)
from lakehouse_assets_tests.parity.cases import Engine, Task
from lakehouse_assets_tests.parity.operations import TYPES
from lakehouse_assets_tests.parity.partitions import every_type

# So many rows that about half of those that are there are looked at.
_TOTAL = 2 * SAMPLE
_HALF = 1 << 29


def tasks() -> Iterator[Task]:
    """Yield what is counted of all rows, and what is estimated."""
    yield Task("statistics of counted values", _counted)
    yield Task("statistics of a sample", _sampled)


def _counted(engine: Engine) -> pl.DataFrame:
    rows = engine.lift(every_type())
    frames = engine.computes.collect_all([counts(rows, name) for name in TYPES])
    return _told([repr(described(name, "any", frame)) for name, frame in zip(TYPES, frames, strict=True)])


def _sampled(engine: Engine) -> pl.DataFrame:
    rows = engine.lift(every_type())
    sample = sampled(rows, TYPES, _TOTAL)
    below = [distinct_below(rows, name, kind, _HALF) for name, kind in TYPES.items()]
    *found, ends = engine.computes.collect_all([*below, extremes(rows, TYPES)])
    row = ends.row(0, named=True)
    frames = engine.computes.collect_all([counts(sample, name) for name in TYPES])
    return _told(
        [
            repr(
                (described(name, "any", frame, Known(row[f"n{at}"], row.get(f"l{at}"), row.get(f"g{at}"))), each.item())
            )
            for at, (name, frame, each) in enumerate(zip(TYPES, frames, found, strict=True))
        ]
    )


def _told(words: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "__row": list(range(len(words))),
            **{name: [word] * len(words) for name, word in zip(TYPES, words, strict=True)},
        }
    )
