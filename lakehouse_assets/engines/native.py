"""Steps in an engine's own language inside Narwhals expressions: both halves of an operation, next to each other.

How Narwhals is persuaded is here and nowhere else; the operations are in `kit`. Nothing here imports pyspark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import narwhals as nw
import polars as pl
from narwhals._expression_parsing import ExprKind, ExprNode, evaluate_node, evaluate_root_node

from lakehouse_assets.errors import ComputationError, LakehouseError

_SPARK = frozenset({nw.Implementation.PYSPARK, nw.Implementation.PYSPARK_CONNECT})
_STEP = "pipe"  # reaches Polars untouched through Narwhals
# Java before 19 prints this power of two with one digit too many.
_DOUBTFUL, _SHORTEST = 2.0**-44, "5.684341886080802e-14"
# Java prints these with two digits, everybody else with one.
_TINY = tuple(repr(count * 5e-324) for count in range(1, 31))
_SCHUBFACH = "com.fasterxml.jackson.core.io.schubfach.DoubleToDecimal"
_ICU = "com.ibm.icu.text.Normalizer"


@dataclass(frozen=True, slots=True)
class Spark:
    """What a Spark half is given beside its column: the functions of its kind of session, and the native frame."""

    functions: Any
    frame: Any

    @property
    def session(self) -> Any:  # noqa: ANN401 - classic or Connect
        """The session of the frame."""
        return self.frame.sparkSession


PolarsHalf = Callable[[pl.Expr], pl.Expr]
SparkHalf = Callable[[Any, Spark], Any]


@dataclass(frozen=True, slots=True)
class _Halves:
    polars: PolarsHalf
    spark: SparkHalf

    def __call__(self, expr: pl.Expr) -> pl.Expr:
        return self.polars(expr)


class _NativeExpr(nw.Expr):
    """An expression with native steps; on an engine without a half it says so instead of guessing."""

    def _to_compliant_expr(self, ns: Any) -> Any:  # noqa: ANN401 - private protocol of Narwhals
        engine = ns._implementation  # noqa: SLF001 - no public way to ask an expression
        if engine is nw.Implementation.POLARS:
            return super()._to_compliant_expr(ns)
        if engine not in _SPARK:
            raise LakehouseError(
                f"this operation has no {engine.name} half.",
                where="lakehouse_assets/engines/kit.py",
                fix="Set `engine: polars` or `engine: spark` for the table.",
            )
        compliant = evaluate_root_node(self._nodes[0], ns)
        for node in self._nodes[1:]:
            compliant = _on_spark(compliant, node) if _is_native(node) else evaluate_node(compliant, node, ns)
        return compliant


def natively(expr: nw.Expr, polars: PolarsHalf, spark: SparkHalf) -> nw.Expr:
    """Add a step in the engine's own language; `spark` takes a Column and what belongs to its session."""
    # The canary tests in tests/unit/engines and tests/parity watch these private parts of Narwhals.
    return _NativeExpr(*expr._nodes, ExprNode(ExprKind.ELEMENTWISE, _STEP, function=_Halves(polars, spark)))  # noqa: SLF001


def let(value: Any, then: Callable[[Any], Any], on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    """Use a value several times that is computed once: Spark has no other names inside an expression."""
    return on.functions.get(on.functions.transform(on.functions.array(value), then), on.functions.lit(0))


def double_text(column: Any, spark: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    """Return finite doubles as Polars prints them: the fewest digits that name them, plain from 1e-5 to below 1e16."""
    f = spark.functions
    size = f.abs(column)
    printed = size.cast("string")
    if not _prints_shortest(spark.session):
        printed = f.java_method(f.lit(_SCHUBFACH), f.lit("toString"), f.coalesce(size, f.lit(0.0)))
    tiny = f.get(f.array(*map(f.lit, _TINY)), (size / f.lit(5e-324)).try_cast("int") - 1)
    plain = f.regexp_replace(printed.try_cast("decimal(38,22)").cast("string"), r"0+\z", "")
    plain = f.regexp_replace(plain, r"\.\z", ".0")
    scientific = f.regexp_replace(f.regexp_replace(printed, r"(\.0)?[Ee]-", "e-"), r"(\.0)?[Ee]\+?([0-9])", "e+$2")
    text = (
        f.when((size > 0) & (size < 1.4e-322), tiny)  # noqa: PLR2004 - beyond, two digits are the fewest
        .when(((size >= 1e7) & (size < 1e16)) | ((size >= 1e-5) & (size < 1e-3)), plain)  # noqa: PLR2004 - see above
        .otherwise(scientific)
    )
    named = f.when(f.isnan(column), f.lit("NaN")).when(size == float("inf"), f.lit("inf")).otherwise(text)
    return f.when(column.isNull(), None).otherwise(f.concat(f.when(column < 0, "-").otherwise(""), named))


def nfc(column: Any, spark: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    """Return text in Unicode normalisation form C: by the ICU library that Spark brings, elsewhere by Python."""
    f = spark.functions
    if _has_java(spark.session):
        composed = f.java_method(f.lit(_ICU), f.lit("compose"), f.coalesce(column, f.lit("")), f.lit(False))  # noqa: FBT003
        return f.when(column.isNull(), None).otherwise(composed)
    from pyspark.sql.types import StringType

    return f.udf(_normaliser(), StringType(), useArrow=False)(column)


def _normaliser() -> Callable[[str | None], str | None]:
    # Nested, so that it travels to the workers whole and they need not have this package.
    def normalise(text: str | None) -> str | None:
        import unicodedata  # noqa: PLC0415 - on the worker

        return None if text is None else unicodedata.normalize("NFC", text)

    return normalise


@lru_cache(maxsize=8)
def _prints_shortest(session: Any) -> bool:  # noqa: ANN401 - classic or Connect
    found = session.sql(f"select cast({_DOUBTFUL!r}D as string) as printed").collect()[0]["printed"]
    return str(found).lower() == _SHORTEST


@lru_cache(maxsize=8)
def _has_java(session: Any) -> bool:  # noqa: ANN401 - classic or Connect
    from lakehouse_assets.engines.spark_faults import translated  # noqa: PLC0415 - with Spark only

    try:
        with translated():
            session.sql("select java_method('java.lang.Math', 'abs', -1) as found").collect()
    except ComputationError:
        # It answered, and has none. A server that is gone says something else, and is not remembered as one without.
        return False
    return True


def _is_native(node: ExprNode) -> bool:
    return isinstance(node.kwargs.get("function"), _Halves)


def _on_spark(compliant: Any, node: ExprNode) -> Any:  # noqa: ANN401 - private protocol of Narwhals
    half = node.kwargs["function"].spark

    def apply(frame: Any, columns: Sequence[Any]) -> list[Any]:  # noqa: ANN401 - pyspark Columns
        spark = Spark(frame._F, frame.native)  # noqa: SLF001 - the functions of this kind of session
        return [half(column, spark) for column in columns]

    stepped = compliant.__class__(
        lambda frame: apply(frame, compliant(frame)),
        lambda frame, inputs: apply(frame, compliant.window_function(frame, inputs)),
        evaluate_output_names=compliant._evaluate_output_names,  # noqa: SLF001
        alias_output_names=compliant._alias_output_names,  # noqa: SLF001
        version=compliant._version,  # noqa: SLF001
        implementation=compliant._implementation,  # noqa: SLF001
    )
    stepped._opt_metadata = compliant._metadata.with_node(node, compliant)  # noqa: SLF001
    return stepped
