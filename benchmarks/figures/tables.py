"""Figures of loading tables, of deriving entities and of starting: this project against itself and against Polars."""

import statistics
from pathlib import Path

from benchmarks.figure import MILLION, THOUSAND, Figure, Measured, middle, ratio
from benchmarks.measure import interleaved, run
from benchmarks.workloads.partitions import DAYS

LOAD_ROWS, MORE_ROWS, PUBLISH_ROWS = 5 * MILLION, 20 * MILLION, 24 * MILLION
# A table that takes large batches, and one of which a few keys change at a time: see docs/how-to/keep-history.md.
BUCKETS, MANY_BUCKETS = 64, 1_024


def _peaks(folder: Path, rows: int, times: int = 3) -> list[float]:
    where = folder / f"load-{rows}"
    if not where.exists():
        run("load", "prepare", str(where), str(rows))
    return [run("load", "ours", str(where), str(rows)).peak_gib for _ in range(times)]


def load_ratio(folder: Path) -> Measured:
    """Wall time of silver over 5 million text rows ÷ Polars' copy of the same rows."""
    return ratio("load", folder, LOAD_ROWS)


def load_peak(folder: Path) -> Measured:
    """Peak memory of that."""
    peaks = _peaks(folder, LOAD_ROWS)
    return middle(peaks)


def load_growth(folder: Path) -> Measured:
    """Peak memory at 20 million rows ÷ at 5 million."""
    small, large = _peaks(folder, LOAD_ROWS), _peaks(folder, MORE_ROWS)
    return Measured(statistics.median(large) / statistics.median(small), [*small, *large])


def profile_share(folder: Path) -> Measured:
    """Share of the wall time of publishing 5 million rows that keeping statistics takes; other figures keep none."""
    where = str(folder / "profiles")
    run("profiles", "prepare", where, str(LOAD_ROWS))
    runs = [run("profiles", "ours", where, str(LOAD_ROWS)) for _ in range(3)]
    return middle([float(each.printed["statistics"]) / each.seconds for each in runs])


def noop_ratio(folder: Path) -> Measured:
    """Wall time of running an unchanged partition of 5 million rows again ÷ of its first load."""
    where = str(folder / "noop")
    run("load", "prepare", where, str(LOAD_ROWS))
    value, ratios = interleaved("load", "ours", "again", where, str(LOAD_ROWS))
    return Measured(1 / value, [1 / each for each in ratios])


def land_ratio(folder: Path) -> Measured:
    """Wall time of CSV to bronze ÷ Polars' conversion of the same file."""
    return ratio("land", folder, LOAD_ROWS)


def judge_ratio(folder: Path) -> Measured:
    """Wall time of judging alone ÷ one hand-fused select."""
    return ratio("judge", folder, LOAD_ROWS)


def publish_peak(folder: Path) -> Measured:
    """Peak memory of one partition of 24 million rows."""
    peaks = _peaks(folder, PUBLISH_ROWS, times=1)
    return Measured(peaks[0], peaks)


def start_cpu(folder: Path) -> Measured:
    """CPU seconds of `lakehouse run` on a partition of one row, the whole process."""
    where = str(folder / "start")
    run("start", "prepare", where)
    runs = [run("start", "ours", where).cpu_seconds for _ in range(5)]
    return middle(runs)


def definitions_cpu(folder: Path) -> Measured:
    """CPU seconds of loading definitions of 200 contracts, beyond `import dagster`."""
    where = str(folder / "definitions")
    run("definitions", "prepare", where)
    runs = [run("definitions", "ours", where).seconds - run("definitions", "plain", where).seconds for _ in range(3)]
    return middle(runs)


def partition_overhead(folder: Path) -> Measured:
    """Seconds a partition that Dagster adds to the data work in a single-run range of 305 on SQLite."""
    where = str(folder / "partitions")
    run("partitions", "prepare", where)
    pairs = [(run("partitions", "ours", where), run("partitions", "plain", where)) for _ in range(3)]
    runs = [(ours.seconds - plain.seconds) / DAYS for ours, plain in pairs]
    return middle(runs)


def _derive_folder(folder: Path) -> str:
    where = folder / f"derive-{BUCKETS}"
    if not where.exists():
        run("derive", "prepare", str(where))
        run("derive", "copy", str(where))
    return str(where)


def derive_peak(folder: Path) -> Measured:
    """Peak memory of folding a million changed rows into a current table of ten million keys and twelve columns."""
    where = _derive_folder(folder)
    run("derive", "batch", where, f"1:{MILLION}")
    peak = run("derive", "ours", where).peak_gib
    return Measured(peak, [peak])


def derive_ratio(folder: Path) -> Measured:
    """Wall time of that ÷ delta-rs MERGE of the same batch into an unpartitioned copy."""
    where = _derive_folder(folder)
    ratios = []
    for day in (11, 12, 13):
        run("derive", "batch", where, f"{day}:{MILLION}")
        folded = run("derive", "ours", where).seconds
        ratios.append(folded / run("derive", "merge", where, f"{day}:{MILLION}").seconds)
    return middle(ratios)


def small_derive_ratio(folder: Path) -> Measured:
    """Wall time of folding a thousand uniformly drawn keys ÷ writing the whole table once more."""
    where = str(folder / f"derive-{MANY_BUCKETS}")
    run("derive", "prepare", where)
    ratios = []
    for day in (21, 22, 23):
        run("derive", "batch", where, f"{day}:{THOUSAND}")
        folded = run("derive", "ours", where).seconds
        ratios.append(folded / run("derive", "rewrite", where).seconds)
    return middle(ratios)


def history_peak(folder: Path) -> Measured:
    """Peak memory of building the versions of 100,000 keys from a log of 20 million changes."""
    where = str(folder / "history")
    run("derive", "prepare_history", where)
    peak = run("derive", "history", where).peak_gib
    return Measured(peak, [peak])


FIGURES: tuple[Figure, ...] = (
    Figure("load_ratio", "ratio", 2.5, 1.6, load_ratio),
    Figure("load_peak_gib", "GiB", 1.5, 0.8, load_peak),
    Figure("load_peak_growth", "ratio", 2.0, 1.3, load_growth),
    Figure("noop_ratio", "ratio", 1.0, 0.6, noop_ratio),
    Figure("profile_share", "ratio", 0.4, 0.15, profile_share),
    Figure("land_ratio", "ratio", 2.5, 1.5, land_ratio),
    Figure("judge_ratio", "ratio", 1.5, 1.2, judge_ratio),
    Figure("publish_peak_gib", "GiB", 1.2, 0.7, publish_peak),
    Figure("derive_peak_gib", "GiB", 2.0, 1.0, derive_peak),
    Figure("derive_ratio", "ratio", 1.0, 0.5, derive_ratio),
    Figure("small_derive_ratio", "ratio", 1.1, 0.8, small_derive_ratio),
    Figure("history_peak_gib", "GiB", 2.0, 1.0, history_peak),
    Figure("start_cpu_s", "s", 2.5, 1.2, start_cpu),
    Figure("definitions_cpu_s", "s", 1.5, 0.6, definitions_cpu),
    Figure("partition_overhead_s", "s", 0.25, 0.16, partition_overhead),
)
