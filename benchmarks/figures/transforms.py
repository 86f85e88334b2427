"""What writing for two engines costs on each of them."""

from pathlib import Path

from benchmarks.figure import MILLION, Figure, Measured, ratio
from benchmarks.measure import interleaved, run
from benchmarks.workloads.transforms import NAMES

ROWS = 5 * MILLION


def narwhals_ratio(folder: Path) -> Measured:
    """Wall time of a transform of this package over 5 million rows ÷ the same by hand in Polars, worst of all."""
    where = str(folder / "transforms")
    run("transforms", "prepare", where, str(ROWS))
    each = [interleaved("transforms", "ours", "plain", where, name, times=5)[0] for name in NAMES]
    return Measured(max(each), each)


def spark_ratio(folder: Path) -> Measured:
    """Wall time of judging, staging and publishing 5 million typed rows on Spark ÷ Spark's read and write of them."""
    return ratio("spark_stage", folder, ROWS)


FIGURES = (
    Figure("narwhals_ratio", "ratio", 1.15, 1.05, narwhals_ratio),
    Figure("spark_ratio", "ratio", 1.6, 1.3, spark_ratio),
)
