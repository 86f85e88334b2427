"""What is computed on every engine: many expressions over one frame, a function of frames, or a part of the pipeline.

Polars is what the others are compared with; whether Polars is right is asked by the unit tests, whose oracles are
other ones. `KNOWN` in `gaps` says where a server is known to answer differently, and why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Engine as Computes
from lakehouse_assets.quality.judge import rule_errors
from lakehouse_assets_tests.spark import spark_engine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ID, ROW = "__id", "__row"
SHOWN = 5
Answers = dict[str, pl.Series | str]


@dataclass(frozen=True)
class Batch:
    """Expressions over one frame: each is a case, all are computed together."""

    name: str
    rows: pl.DataFrame
    cases: Mapping[str, nw.Expr]


@dataclass(frozen=True)
class Whole:
    """A function of frames: the case is its result, whose rows are compared in any order."""

    name: str
    inputs: Sequence[pl.DataFrame]
    function: Callable[..., nw.LazyFrame]


@dataclass(frozen=True)
class Task:
    """What the pipeline does with an engine: the case is what it found out, whose rows are compared in any order."""

    name: str
    function: Callable[["Engine"], pl.DataFrame]


Case = Batch | Whole | Task


@dataclass(frozen=True)
class Engine:
    """Where cases are computed: how a frame gets in and out; `computes` is the engine that the pipeline is given."""

    name: str
    lift: Callable[[pl.DataFrame], nw.LazyFrame]
    collect: Callable[[nw.LazyFrame], pl.DataFrame]
    computes: Computes

    def answers(self, case: Case) -> Answers:
        """Return columns of answers, or what was raised."""
        if isinstance(case, Batch):
            return self._batch(case)
        try:
            found = case.function(self) if isinstance(case, Task) else self._whole(case)
        except raised_by_cases() as error:
            return {"result": _raised(error)}
        return dict(_sorted(found).to_dict())

    def _batch(self, batch: Batch) -> Answers:
        frame = self.lift(batch.rows.with_row_index(ID).with_columns(pl.col(ID).cast(pl.Int64)))
        try:
            return self._together(frame, batch.cases)
        except raised_by_cases():
            # One case must not hide the others.
            return {name: self._alone(frame, name, expr) for name, expr in batch.cases.items()}

    def _whole(self, whole: Whole) -> pl.DataFrame:
        return self.collect(whole.function(*(self.lift(rows) for rows in whole.inputs)))

    def _together(self, frame: nw.LazyFrame, cases: Mapping[str, nw.Expr]) -> Answers:
        found = self.collect(frame.select(ID, *(expr.alias(name) for name, expr in cases.items()))).sort(ID)
        return {name: found[name] for name in cases}

    def _alone(self, frame: nw.LazyFrame, name: str, expr: nw.Expr) -> pl.Series | str:
        try:
            return self._together(frame, {name: expr})[name]
        except raised_by_cases() as error:
            return _raised(error)


def raised_by_cases() -> tuple[type[Exception], ...]:
    """Return what counts as an answer; anything else is a fault of the suite and stops it."""
    return (*rule_errors(), NotImplementedError)


def on_polars() -> Engine:
    """Return the default engine."""

    def collect(frame: nw.LazyFrame) -> pl.DataFrame:
        found: pl.DataFrame = frame.collect("polars").to_native()
        return found

    return Engine("polars", lambda rows: nw.from_native(rows.lazy()), collect, PolarsEngine())


def on_spark(name: str, session: "SparkSession") -> Engine:
    """Return an engine that computes in a Spark session of any kind."""

    def lift(rows: pl.DataFrame) -> nw.LazyFrame:
        # Spark makes no frame of no rows.
        some = rows if rows.height else rows.clear(1)
        frame: nw.LazyFrame = nw.from_native(session.createDataFrame(some.to_arrow()))
        return frame if rows.height else frame.head(0)

    def collect(frame: nw.LazyFrame) -> pl.DataFrame:
        found = pl.from_arrow(frame.to_native().toArrow())
        assert isinstance(found, pl.DataFrame)
        return found

    return Engine(name, lift, collect, spark_engine(session))


def differences(want: Answers, have: Answers) -> dict[str, str]:
    """Return which answers differ from those of Polars, with the first rows in which they do."""
    if want.keys() != have.keys():
        return {"columns": f"{sorted(want)} on Polars, here {sorted(have)}"}
    each = {name: _difference(want[name], have[name]) for name in want}
    return {name: said for name, said in each.items() if said}


def _difference(want: pl.Series | str, have: pl.Series | str) -> str:
    if isinstance(want, str) or isinstance(have, str):
        return f"{_said(want)} on Polars, here {_said(have)}"
    if (want.dtype, len(want)) != (have.dtype, len(have)):
        return f"{len(want)} rows of {want.dtype} on Polars, here {len(have)} of {have.dtype}"
    differ = want.ne_missing(have).arg_true().to_list()
    return "; ".join(f"row {at}: {want[at]!r} on Polars, here {have[at]!r}" for at in differ[:SHOWN])


def _said(answer: pl.Series | str) -> str:
    return answer if isinstance(answer, str) else "an answer"


def _raised(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}"


def _sorted(found: pl.DataFrame) -> pl.DataFrame:
    found = found.select(sorted(found.columns))
    if ROW in found.columns:
        return found.sort(ROW)
    texts = [pl.col(name).cast(pl.String, strict=False).fill_null("\u0000") for name in _sortable(found)]
    return found.sort(texts) if texts else found


def _sortable(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if not dtype.is_nested()]


def typed(values: Mapping[str, Sequence[Any]], types: Mapping[str, nw.dtypes.DType]) -> pl.DataFrame:
    """Return a frame of columns of any lengths, filled up with nulls."""
    rows = max(len(column) for column in values.values())
    series = [
        nw.new_series(name, [*column, *[None] * (rows - len(column))], types[name], backend="polars").to_native()
        for name, column in values.items()
    ]
    return pl.DataFrame(series)
