"""Figures of the anomaly suite: what the detector finds, and how often it cries wolf."""

from functools import cache
from pathlib import Path

from benchmarks.figure import Figure, Measured
from benchmarks.measure import Run, run


def anomaly_recall(folder: Path) -> Measured:
    """Share of 2,100 planted anomalies in 150 series of a year that are alarms; days without rows all have to be."""
    found = _suite(folder)
    if found.printed["zero"] < 1:
        raise RuntimeError(f"only {found.printed['zero']:.0%} of the days without rows were found.")
    for name, share in found.printed.items():
        print(f"  {name}: {share:.3f}", flush=True)
    return Measured(found.printed["recall"], [found.printed["recall"]])


def anomaly_false_per_100d(folder: Path) -> Measured:
    """Alarms that are false, for each hundred ordinary days and named holidays of the same series."""
    value = _suite(folder).printed["false_per_100d"]
    return Measured(value, [value])


FIGURES = (
    Figure("anomaly_recall", "share", 0.85, 0.92, anomaly_recall, more_is_better=True),
    Figure("anomaly_false_per_100d", "alarms", 1.5, 1.0, anomaly_false_per_100d),
)


@cache
def _suite(folder: Path) -> Run:
    del folder  # The same one for every figure of a run: it is what the answer is kept for.
    return run("anomalies")
