"""Cases of rules over whole partitions: each the registry finds, on columns of every type, and those of our contracts.

Arguments are drawn from choices for the names of parameters: a rule with a parameter of a new name needs a choice.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import product
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, RuleKind, RuleSpec
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.rules import Declaration, bind_rules
from lakehouse_assets.documents.findings import Report
from lakehouse_assets.documents.strict_yaml import Document
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary
from lakehouse_assets.quality.judge import Scope, window_end_of
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.rule import FAILED_ROWS, RuleFunction
from lakehouse_assets.results import RuleResult
from lakehouse_assets_tests.parity.cases import ROW, Engine, Task, raised_by_cases, typed
from lakehouse_assets_tests.parity.catalog import CONTRACTS, RULES
from lakehouse_assets_tests.parity.edges import edges
from lakehouse_assets_tests.parity.operations import COLUMNS, TYPES

# One without rows is asked about, too.
EDGES, REPEATED, ALONE, NULLS, EMPTY = (f"2024-03-{day}" for day in (29, 30, 31, "01", "02"))
PARTITIONS = (EDGES, REPEATED, ALONE, NULLS, EMPTY)
FEW, CASE = "few", "__case"
MOST, DRAWN = 100, 4
ALL_COLUMNS = tuple(Column(name, kind) for name, kind in {**COLUMNS, FEW: ColumnType(Kind.LONG)}.items())
_VOCABULARY = collect_vocabulary()
_THRESHOLDS = (None, 0, 1, 2, 3, 0.25, 1 / 3, 0.1, 0.3, 50, 100, -0.0, 2**53, 1e15)
_VALUES = (["a"], ["", "N/A"], ["A", "é", "e\u0301", " "], [1, 5], [0.1, 1.5], ["2010-12-01"], [True])
QUERIES = (
    "SELECT COUNT({property}) FROM {object}",
    "SELECT COUNT(DISTINCT {property}) - COUNT(*) FROM {object}",
    "SELECT MAX(n) FROM (SELECT {property}, COUNT(*) AS n FROM {object} GROUP BY {property}) AS g",
    "SELECT COUNT(*) FROM {object} WHERE few = 1 AND {property} = {property}",
    "WITH g AS (SELECT DISTINCT {property} FROM {object} WHERE few > 0) SELECT COUNT(*) FROM g",
    "SELECT 100.0 * COUNT(*) / (SELECT COUNT(*) FROM {object}) FROM {object} WHERE {property} IS NULL",
)
CHOICES: Mapping[str, Sequence[Any]] = {
    "min": _THRESHOLDS,
    "max": _THRESHOLDS,
    "unit": ("rows", "percent"),
    "share": (None, 0.6),
    "days": (0, 30),
    "values": _VALUES,
    "validValues": (None, *_VALUES),
    "missingValues": (None, [None, "N/A"], [""]),
    "pattern": (None, "[a-z]*", "[^x]+"),
    "query": QUERIES,
    "mustBe": (0,),
    **dict.fromkeys(("mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan"), (None,)),
    **dict.fromkeys(("mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"), (None,)),
    "value": ("run_time", "2010-12-01", "2024-03-31 01:30:00", 5, 0.1, "a"),
}


def tasks() -> Iterator[Task]:
    """Yield every rule over partitions on columns of every type, then those that contracts declare."""
    for name, rule in RULES.items():
        if rule.signature.kind is RuleKind.PARTITION:
            specs = [spec for kind in TYPES for spec in drawn(rule, kind)]
            yield _judged(f"{name} on every type", every_type(), specs, Scope(ALL_COLUMNS, window_end_of()))
    for contract in CONTRACTS.values():
        specs = [spec for spec in contract.rules if spec.kind in {RuleKind.PARTITION, RuleKind.TABLE}]
        if specs:
            yield _judged(f"partitions of {contract.table}", _rows_of(contract), specs, scope_of(contract))


def every_type() -> pl.DataFrame:
    """Return partitions with a column of every type: all edges, a few of them repeated, one row, and only nulls."""
    draw = random.Random(7)  # noqa: S311 - a test must be repeatable
    return _partitioned({name: edges(kind) for name, kind in COLUMNS.items()}, COLUMNS, draw)


def drawn(rule: RuleFunction, column: str) -> tuple[RuleSpec, ...]:
    """Return a rule about a column with some of all arguments, without those that are refused when contracts load."""
    signature = rule.signature
    draw = random.Random(f"{signature.name} {column}")  # noqa: S311 - a test must be repeatable
    choices = {each.name: _choices(each.name, column, required=each.required) for each in signature.parameters}
    every = [dict(zip(choices, chosen, strict=True)) for chosen in product(*choices.values())]
    draw.shuffle(every)
    given = ({name: value for name, value in one.items() if value is not None} for one in every[:MOST])
    bound = [spec for arguments in given for spec in _bound(rule, arguments)]
    return tuple({spec.id: spec for spec in bound}.values())[:DRAWN]


def _choices(name: str, column: str, *, required: bool) -> Sequence[Any]:
    about: Mapping[str, Sequence[Any]] = {
        "column": (column,),
        "columns": ([column], [FEW, column], [FEW]),
        "properties": ([column], [FEW, column]),
        "determines": (column, FEW),
        "order_by": (column, FEW),
    }
    choices = {**CHOICES, **about}[name]
    return [choice for choice in choices if choice is not None] if required else choices


def _bound(rule: RuleFunction, arguments: Mapping[str, Any]) -> tuple[RuleSpec, ...]:
    name, rest = rule.signature.name, dict(arguments)
    declared = Declaration(f"{name} {rest}", name, [], rest.pop("column", None), rest)
    return bind_rules([declared], ALL_COLUMNS, Reading(Document("rules", {}, {}), Report(), _VOCABULARY))


def _judged(name: str, rows: pl.DataFrame, specs: Sequence[RuleSpec], scope: Scope) -> Task:
    def judged(engine: Engine) -> pl.DataFrame:
        violations = judge_partitions(engine.lift(rows), PROC_DATE, specs, RULES, scope)
        collected = _together(engine, violations)
        sizes = dict(rows.group_by(PROC_DATE).len().iter_rows())
        results = [
            {PROC_DATE: partition, **_told(result)}
            for partition in PARTITIONS
            for result in to_partition_results(specs, collected, partition, sizes.get(partition, 0))
        ]
        return pl.DataFrame(results).with_row_index(ROW)

    return Task(name, judged)


def _together(engine: Engine, violations: Sequence[nw.LazyFrame]) -> list[pl.DataFrame]:
    """Return the violations of every rule, most of them collected at once; each alone when one of them raises."""
    ran = {at: frame for at, frame in enumerate(violations) if FAILED_ROWS in frame.collect_schema()}
    marked = [frame.with_columns(nw.lit(at).alias(CASE)) for at, frame in ran.items()]
    try:
        every = engine.collect(nw.concat(marked)) if marked else pl.DataFrame()
    except raised_by_cases():
        return [_alone(engine, frame) for frame in violations]
    return [
        every.filter(pl.col(CASE) == at).drop(CASE) if at in ran else engine.computes.collect(frame)
        for at, frame in enumerate(violations)
    ]


def _alone(engine: Engine, frame: nw.LazyFrame) -> pl.DataFrame:
    try:
        return engine.computes.collect(frame)
    except raised_by_cases() as error:
        return pl.DataFrame({"error": [f"raised {type(error).__name__} {str(error)[:200]}"]})


def _told(result: RuleResult) -> dict[str, str]:
    return {field.name: str(getattr(result, field.name)) for field in fields(result)}


def _rows_of(contract: Contract) -> pl.DataFrame:
    draw = random.Random(str(contract.table))  # noqa: S311 - a test must be repeatable
    types = {column.name: column.type for column in contract.columns if column.name != PROC_DATE}
    return _partitioned({name: edges(kind) for name, kind in types.items()}, types, draw)


def _partitioned(
    values: Mapping[str, Sequence[Any]], types: Mapping[str, ColumnType], draw: random.Random
) -> pl.DataFrame:
    count = max(map(len, values.values()))
    few = {name: draw.sample(some, min(3, len(some))) for name, some in values.items()}
    columns = {
        name: [
            *(some[at % len(some)] for at in range(count)),
            *(draw.choice(few[name]) for _ in range(count)),
            some[1],
            None,
            None,
        ]
        for name, some in values.items()
    }
    days = pl.Series(PROC_DATE, [EDGES] * count + [REPEATED] * count + [ALONE, NULLS, NULLS])
    group = pl.Series(FEW, [at % 3 for at in range(2 * count + 3)], dtype=pl.Int64)
    rows = typed(columns, {name: to_narwhals(kind) for name, kind in types.items()})
    return rows.with_columns(days, group) if PROC_DATE not in types else rows.with_columns(group)
