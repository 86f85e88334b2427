"""What writing for two engines costs on one of them."""

from pathlib import Path

from benchmarks.figure import MILLION, Figure, Measured
from benchmarks.measure import interleaved, run
from benchmarks.workloads.transforms import NAMES

ROWS = 5 * MILLION


def narwhals_ratio(folder: Path) -> Measured:
    """Wall time of a transform of this package over 5 million rows ÷ the same by hand in Polars, worst of all."""
    where = str(folder / "transforms")
    run("transforms", "prepare", where, str(ROWS))
    each = [interleaved("transforms", "ours", "plain", where, name, times=5)[0] for name in NAMES]
    return Measured(max(each), each)


FIGURES = (Figure("narwhals_ratio", "ratio", 1.15, 1.05, narwhals_ratio),)
