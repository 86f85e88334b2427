"""The library metrics of the contract standard: counts with a threshold. They judge a partition, never single rows."""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.patterns import portable
from lakehouse_assets.quality.rule import Example, rule, violating
from lakehouse_assets.results import Dimension

_NULLS = [{"email": None}, {"email": "a"}]


@rule(
    kind=RuleKind.PARTITION,
    dimension=Dimension.COMPLETENESS,
    example=Example(arguments={"column": "email", "max": 0}, passing=[{"email": "a"}], failing=_NULLS),
)
def null_values(
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    min: float = 0,  # noqa: A002 - the YAML key
    max: float | None = None,  # noqa: A002 - the YAML key
    unit: str = "rows",
) -> nw.LazyFrame:
    """Nulls of a column lie in [min, max], as rows or as `unit: percent`."""
    return _threshold(frame, by, nw.col(column).is_null(), (min, max), unit)


@rule(
    kind=RuleKind.PARTITION,
    dimension=Dimension.COMPLETENESS,
    example=Example(
        arguments={"column": "email", "missingValues": ["", "N/A"], "max": 50, "unit": "percent"},
        passing=[{"email": "N/A"}, {"email": "a"}],
        failing=[{"email": "N/A"}, {"email": None}],
    ),
)
def missing_values(  # noqa: PLR0913 - the arguments of the standard's metric
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    missingValues: list[str | None] | None = None,  # noqa: N803 - the standard's key
    min: float = 0,  # noqa: A002 - the YAML key
    max: float | None = None,  # noqa: A002 - the YAML key
    unit: str = "rows",
) -> nw.LazyFrame:
    """Nulls and texts that mean missing lie in [min, max], as rows or as `unit: percent`."""
    texts = [value for value in (missingValues or [""]) if value is not None]
    is_missing = nw.col(column).is_null() | nw.col(column).is_in(texts).fill_null(value=False)
    return _threshold(frame, by, is_missing, (min, max), unit)


@rule(
    kind=RuleKind.PARTITION,
    dimension=Dimension.CONFORMITY,
    example=Example(
        arguments={"column": "size", "validValues": ["S", "M"], "max": 0},
        passing=[{"size": "S"}],
        failing=[{"size": "X"}],
    ),
)
def invalid_values(  # noqa: PLR0913 - the arguments of the standard's metric
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    validValues: list[str] | None = None,  # noqa: N803 - the standard's key
    pattern: str | None = None,
    min: float = 0,  # noqa: A002 - the YAML key
    max: float | None = None,  # noqa: A002 - the YAML key
    unit: str = "rows",
) -> nw.LazyFrame:
    """Values outside a set, or that do not match a pattern, lie in [min, max], as rows or as `unit: percent`."""
    if validValues is None and pattern is None:
        raise LakehouseError("`invalidValues` does not say what is valid.", fix="Write `validValues` or `pattern`.")
    value = nw.col(column)
    wrong = [~value.is_in(validValues)] if validValues is not None else []
    wrong += [~value.str.contains(portable(pattern))] if pattern is not None else []
    return _threshold(frame, by, nw.any_horizontal(*wrong, ignore_nulls=True).fill_null(value=False), (min, max), unit)


@rule(
    kind=RuleKind.PARTITION,
    dimension=Dimension.UNIQUENESS,
    example=Example(
        arguments={"properties": ["id"], "max": 0}, passing=[{"id": 1}, {"id": 2}], failing=[{"id": 1}, {"id": 1}]
    ),
)
def duplicate_values(  # noqa: PLR0913 - the arguments of the standard's metric
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str | None = None,
    properties: list[str] | None = None,
    min: float = 0,  # noqa: A002 - the YAML key
    max: float | None = None,  # noqa: A002 - the YAML key
    unit: str = "rows",
) -> nw.LazyFrame:
    """Rows that repeat another in a column, or in `properties` together, lie in [min, max]; nulls are not compared."""
    columns = properties or ([column] if column else [])
    if not columns:
        raise LakehouseError("`duplicateValues` names no column.", fix="Declare it at a column, or write `properties`.")
    rows = nw.col("__rows")
    groups = kit.without_nulls(frame, columns).group_by(by, *columns).agg(nw.len().cast(nw.Int64).alias("__rows"))
    counted = groups.group_by(by).agg((rows - 1).cast(nw.Int64).sum().alias("__found"), rows.cast(nw.Int64).sum())
    return _outside(counted, by, (min, max), unit)


def _threshold(
    frame: nw.LazyFrame, by: str, found: nw.Expr, bounds: tuple[float, float | None], unit: str
) -> nw.LazyFrame:
    counted = frame.group_by(by).agg(
        found.cast(nw.Int64).sum().alias("__found"), nw.len().cast(nw.Int64).alias("__rows")
    )
    return _outside(counted, by, bounds, unit)


def _outside(counted: nw.LazyFrame, by: str, bounds: tuple[float, float | None], unit: str) -> nw.LazyFrame:
    found = nw.col("__found")
    measured = found * 100 / nw.col("__rows") if unit == "percent" else found
    smallest, largest = bounds
    is_fine = measured >= smallest
    return violating(counted, by, is_fine if largest is None else is_fine & (measured <= largest), found)
