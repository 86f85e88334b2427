"""Cases of what rules over time measure of a partition: sums, counts and histograms, on columns of every type."""

from collections.abc import Iterator, Sequence

import polars as pl

from lakehouse_assets.contracts.model import Column, Kind, RuleKind, RuleSpec
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.quality.measures import histogram, mark_of, measured, names_of, totals, watched
from lakehouse_assets.quality.rule import RuleFunction
from lakehouse_assets.results import OnFailure, Severity
from lakehouse_assets_tests.parity.cases import Engine, Task
from lakehouse_assets_tests.parity.catalog import RULES
from lakehouse_assets_tests.parity.partitions import ALL_COLUMNS, PARTITIONS, every_type

_METRICS = ("sum", "mean", "null_share")
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_WATCHED = {*_NUMBERS, Kind.STRING, Kind.BOOLEAN}


def tasks() -> Iterator[Task]:
    """Yield what every rule over time has measured of columns of every type that it may look at."""
    for name, rule in RULES.items():
        if rule.signature.kind is RuleKind.OVER_TIME:
            yield _measured(f"{name} on every type", [spec for column in ALL_COLUMNS for spec in _specs(rule, column)])


def _specs(rule: RuleFunction, column: Column) -> Iterator[RuleSpec]:
    parameters = {each.name for each in rule.signature.parameters}
    metrics = _METRICS if "metric" in parameters else ("",)
    for metric in metrics:
        numbers_only = metric in {"sum", "mean"} or rule.signature.name == "kolmogorov_smirnov"
        fits = column.type.kind in (_NUMBERS if numbers_only else _WATCHED)
        if fits or metric == "null_share":
            yield RuleSpec(
                f"{rule.signature.name} {column.name} {metric}",
                rule.signature.name,
                RuleKind.OVER_TIME,
                rule.signature.dimension,
                Severity.ERROR,
                OnFailure.KEEP,
                "fp",
                column.name if "column" in parameters else None,
                {"metric": metric} if metric else {},
            )


def _measured(name: str, specs: Sequence[RuleSpec]) -> Task:
    def told(engine: Engine) -> pl.DataFrame:
        rows = engine.lift(every_type())
        frames = [histogram(rows, PROC_DATE, column) for column in watched(specs)]
        summed, *bins = engine.computes.collect_all([totals(rows, PROC_DATE, specs), *frames])
        found = {column: (mark_of(rows, column), frame) for column, frame in zip(watched(specs), bins, strict=True)}
        every = [measured(each, 0, names_of(specs), (summed, found), PROC_DATE) for each in PARTITIONS]
        return pl.DataFrame(
            {
                "__row": list(range(len(every))),
                "numbers": [repr(one.numbers) for one in every],
                "bins": [repr(one.histograms) for one in every],
            }
        )

    return Task(name, told)
