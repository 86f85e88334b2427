"""What the libraries answer: operations of Narwhals on edge values, each equal on both engines, different or missing.

A regression test of the libraries, not of our code: `ANSWERS` in `matrix_answers` is what they said last. The lint of
portable constructs and the kit are made for what differs here; a library that changes an answer changes them too.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets_tests.parity.cases import Engine, raised_by_cases
from lakehouse_assets_tests.parity.matrix_rows import inputs

Operation = Callable[[nw.LazyFrame, nw.LazyFrame], nw.LazyFrame]
EQUAL, TYPE, DIFFERS, MISSING = "equal", "another type", "differs", "missing"
_DIGITS = 9
_C = nw.col
_ORDER = ["o", "id"]


def expressions() -> Mapping[str, nw.Expr]:
    """Return every operation that is an expression: `e` of one row, `w` over windows, `a` of groups."""
    kinds = {"e": {**_numbers(), **_truths(), **_texts(), **_times(), **_lists()}, "w": _windows(), "a": _aggregates()}
    return {f"{kind} {name}": expr for kind, found in kinds.items() for name, expr in found.items()}


def answers(engine: Engine, missing: Collection[str]) -> dict[str, pl.DataFrame | None]:
    """Return the answer of each operation; those that are `missing` are asked for one by one, all others together."""
    left, right = (engine.lift(rows) for rows in inputs())
    found: dict[str, pl.DataFrame | None] = {}
    for kind in ("e", "w", "a"):
        those = {name: expr for name, expr in expressions().items() if name.startswith(f"{kind} ")}
        most = {name: expr for name, expr in those.items() if name not in missing}
        together = _answer(engine, _asked(left, most))
        for name, expr in those.items():
            one = together if together is not None and name in most else _answer(engine, _asked(left, {name: expr}))
            found[name] = None if one is None else one.select(one.columns[0], pl.col(name).alias("x"))
    for name, operation in _frames().items():
        found[f"f {name}"] = _answer(engine, lambda operation=operation: operation(left, right))  # type: ignore[misc]
    return found


def verdict(want: pl.DataFrame | None, have: pl.DataFrame | None) -> str:
    """Return how an answer compares with that of Polars."""
    if want is None or have is None:
        return MISSING
    if sorted(want.columns) != sorted(have.columns) or _values(want) != _values(have.select(want.columns)):
        return DIFFERS
    return EQUAL if want.schema == have.select(want.columns).schema else TYPE


def _values(frame: pl.DataFrame) -> list[str]:
    return sorted(repr([_plain(value) for value in row]) for row in frame.rows())


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any column
    if isinstance(value, float):
        return f"{value + 0.0:.{_DIGITS}g}"
    if isinstance(value, Decimal):
        return f"{value.normalize() + 0:f}"
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value.replace(tzinfo=None)) if isinstance(value, datetime) else value


def _asked(rows: nw.LazyFrame, those: Mapping[str, nw.Expr]) -> Callable[[], nw.LazyFrame]:
    named = [expr.alias(name) for name, expr in those.items()]
    if any(name.startswith("a ") for name in those):
        return lambda: rows.group_by("g").agg(*named)
    return lambda: rows.select("id", *named)


def _answer(engine: Engine, asked: Callable[[], nw.LazyFrame]) -> pl.DataFrame | None:
    try:
        return engine.collect(asked())
    except raised_by_cases():
        return None


def _numbers() -> dict[str, nw.Expr]:
    i, j, f, d = (_C(name) for name in "ijfd")
    small = nw.when(f.abs() < 1e10).then(f)
    return {
        "add": i + j,
        "subtract": i - j,
        "multiply": i * j,
        "divide": i / j,
        "divide floats": f / j,
        "floor divide": i // j,
        "modulo": i % j,
        "power": j**2,
        "negate": -i,
        "absolute": i.abs(),
        "decimal add": d + d,
        "decimal by decimal": d * d,
        "decimal by integer": d * j,
        "decimal divide": d / d,
        "decimal beyond float": d > 0.005,
        "decimal round": d.round(2),
        "decimal beyond decimal": d > nw.lit(Decimal("0.0050")),
        "decimal to fewer digits": d.cast(nw.Decimal(18, 2)),
        "decimal to float": d.cast(nw.Float64),
        "decimal to text": d.cast(nw.String),
        "decimal absolute": d.abs(),
        "decimal negate": -d,
        "round to whole": f.round(0),
        "round": f.round(2),
        "floor": f.floor(),
        "ceil": f.ceil(),
        "float to integer": small.cast(nw.Int64),
        "float to text": f.cast(nw.String),
        "integer to text": i.cast(nw.String),
        "float to decimal": small.cast(nw.Decimal(18, 2)),
        "integer to decimal": i.cast(nw.Decimal(18, 2)),
        "square root": f.sqrt(),
        "logarithm": f.log(),
        "exponential": j.exp(),
        "clip": i.clip(-1, 5),
        "between": i.is_between(0, 5),
        "NaN equals": f == f,  # noqa: PLR0124
        "NaN beyond": f > 1e30,
        "is NaN": f.is_nan(),
        "is finite": f.is_finite(),
        "fill NaN": f.fill_nan(0.0),
        "sine": f.sin(),
        "fill null": i.fill_null(0),
        "coalesce": nw.coalesce(i, j),
        "greatest": nw.max_horizontal("i", "j"),
        "least": nw.min_horizontal("i", "j"),
        "sum across": nw.sum_horizontal("i", "j"),
        "mean across": nw.mean_horizontal("i", "j"),
    }


def _truths() -> dict[str, nw.Expr]:
    b, g, i = _C("b"), _C("g"), _C("i")
    return {
        "not": ~b,
        "and null": b & (i > 0),
        "or null": b | (i > 0),
        "truth to integer": b.cast(nw.Int64),
        "is null": g.is_null(),
        "any across": nw.any_horizontal(b, i > 0, ignore_nulls=False),
        "all across": nw.all_horizontal(b, i > 0, ignore_nulls=True),
        "in": g.is_in(["a", "b"]),
        "in with null": g.is_in(["a", None]),
        "not in": ~g.is_in(["a"]),
        "equal": g == "a",
        "unequal": g != "a",
        "when": nw.when(i > 0).then(nw.lit("p")).when(i < 0).then(nw.lit("n")).otherwise(nw.lit("z")),
        "replace strict": g.replace_strict({"a": "A"}, default=None, return_dtype=nw.String),
        "struct field": nw.struct(_C("i"), _C("g")).struct.field("g"),
    }


def _texts() -> dict[str, nw.Expr]:
    text = _C("s").str
    return {
        "lower": text.to_lowercase(),
        "upper": text.to_uppercase(),
        "title": text.to_titlecase(),
        "strip": text.strip_chars(),
        "strip letters": text.strip_chars("a"),
        "length": text.len_chars(),
        "contains": text.contains("^[a-z]+"),
        r"contains \d": text.contains(r"^x\d+"),
        r"contains \w": text.contains(r"^\w+$"),
        "contains $": text.contains("^a\tb$"),
        "contains any case": text.contains("(?i)AB"),
        "look-ahead": text.contains("a(?=,)"),
        "replace": text.replace("a", "_"),
        "replace all": text.replace_all("[^a-z]", ""),
        "replace by group": text.replace_all("^(.)(.*)$", "$2$1"),
        "replace by braced group": text.replace_all("^(.)(.*)$", "${2}${1}"),
        "replace literal": text.replace_all(",", ".", literal=True),
        "starts with": text.starts_with("a"),
        "ends with": text.ends_with("c"),
        "slice": text.slice(1, 3),
        "first letters": text.head(2),
        "last letters": text.tail(2),
        "split": text.split(","),
        "fill with zeros": text.zfill(5),
        "join": nw.concat_str(_C("g"), _C("s"), separator="|", ignore_nulls=True),
        "join nulls": nw.concat_str(_C("g"), _C("s"), separator="|"),
        "text to integer": nw.when(text.contains("^[0-9]+$")).then(_C("s")).cast(nw.Int64),
        "text to date": nw.lit("2025-01-31").str.to_date("%Y-%m-%d"),
        "text to time": nw.lit("2025-01-31 10:11").str.to_datetime("%Y-%m-%d %H:%M"),
        "text to fraction": nw.lit("2025-01-31T10:11:12.123456").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f"),
        "text with offset": nw.lit("2025-01-31 10:11:12+0200").str.to_datetime("%Y-%m-%d %H:%M:%S%z"),
    }


def _times() -> dict[str, nw.Expr]:
    t, u, day = _C("t"), _C("u"), _C("day")
    parts = {
        name: getattr(t.dt, name)()
        for name in ("year", "month", "day", "hour", "minute", "second", "millisecond", "microsecond")
    }
    truncated = {f"truncate to {unit}": t.dt.truncate(unit) for unit in ("1h", "1d", "1w", "1mo", "1q", "1y", "15m")}
    later = {f"{unit} later": t.dt.offset_by(unit) for unit in ("30d", "1mo", "-1us", "2h")}
    start = nw.lit(datetime(2025, 1, 1))  # noqa: DTZ001 - a time without a zone is the case
    return {
        **parts,
        **truncated,
        **later,
        "weekday": t.dt.weekday(),
        "day of year": t.dt.ordinal_day(),
        "date of time": t.dt.date(),
        "truncate in zone": u.dt.truncate("1d"),
        "date later": day.dt.offset_by("30d"),
        "weekday of date": day.dt.weekday(),
        "difference": t - start,
        "seconds between": (t - start).dt.total_seconds(),
        "days between": day - nw.lit(date(2025, 1, 1)),
        "count": t.dt.timestamp("us"),
        "date as text": t.dt.to_string("%Y-%m-%d"),
        "time as text": t.dt.to_string("%Y-%m-%dT%H:%M:%S"),
        "later than": t > start,
        "later in zone": u > nw.lit(datetime(2025, 1, 1, tzinfo=UTC)),
        "say UTC": t.dt.replace_time_zone("UTC"),
        "say nothing": u.dt.replace_time_zone(None),
        "to Berlin": u.dt.convert_time_zone("Europe/Berlin"),
        "time to date": t.cast(nw.Date),
        "date to time": day.cast(nw.Datetime("us")),
        "date to text": day.cast(nw.String),
        "time to text": t.cast(nw.String),
    }


def _lists() -> dict[str, nw.Expr]:
    items = _C("l").list
    some = nw.when(items.len() > 0).then(_C("l")).otherwise(None)
    return {
        "list length": items.len(),
        "list first": some.list.get(0),
        "list contains": items.contains(1),
        "list sum": items.sum(),
        "list sort": items.sort(),
        "list distinct": items.unique().list.len(),
        "list max": items.max(),
        "list mean": items.mean(),
    }


def _windows() -> dict[str, nw.Expr]:
    i, f = _C("i"), _C("f")
    plain = {name: getattr(i, name)().over("g") for name in ("sum", "count", "mean", "max", "min", "n_unique", "len")}
    running = {
        name: getattr(i, name)().over("g", order_by=_ORDER)
        for name in ("cum_sum", "cum_max", "cum_min", "cum_count", "diff", "first", "last")
    }
    ranks = {f"rank {kind}": i.rank(kind).over("g") for kind in ("dense", "min", "max", "average")}
    return {
        **plain,
        **running,
        **ranks,
        "rank ordinal": _C("id").rank("ordinal").over("g", order_by=_ORDER),
        "is unique": i.is_unique(),
        "shift": i.shift(1).over("g", order_by=_ORDER),
        "shift back": i.shift(-1).over("g", order_by=_ORDER),
        "is duplicated": i.is_duplicated(),
        "fill forward": i.fill_null(strategy="forward").over("g", order_by=_ORDER),
        "first distinct": _C("g").is_first_distinct().over(order_by="id"),
        "rolling sum": i.rolling_sum(2, min_samples=1).over("g", order_by=_ORDER),
        "last distinct": _C("g").is_last_distinct().over(order_by="id"),
        "rolling mean": f.rolling_mean(3, min_samples=1).over("g", order_by="id"),
    }


def _aggregates() -> dict[str, nw.Expr]:
    i, j, f, d, b = (_C(name) for name in "ijfdb")
    whole = {
        name: getattr(i, name)()
        for name in ("sum", "mean", "min", "max", "count", "n_unique", "null_count", "any_value")
    }
    spreads = {name: getattr(j, name)() for name in ("std", "var", "median", "skew", "kurtosis")}
    return {
        **whole,
        **spreads,
        "len": nw.len(),
        "decimal sum": d.sum(),
        "decimal mean": d.mean(),
        "decimal max": d.max(),
        "float max": f.max(),
        "float min": f.min(),
        "float sum": f.sum(),
        "quantile": j.quantile(0.25, "linear"),
        "any": b.any(),
        "all": b.all(),
        "sum of truths": b.sum(),
        "sum when": nw.when(i > 0).then(i).sum(),
        "sum of filtered": i.filter(i > 0).sum(),
        "quotient of sums": i.sum() / i.count(),
        "text min": _C("s").min(),
        "time max": _C("t").max(),
        "date max": _C("day").max(),
    }


def _frames() -> dict[str, Operation]:
    return {
        "inner join": lambda left, right: left.select("id", "g").join(right, on="g", how="inner"),
        "left join": lambda left, right: left.select("id", "g").join(right, on="g", how="left"),
        "full join": lambda left, right: left.select("id", "g").join(right, on="g", how="full"),
        "semi join": lambda left, right: left.select("id", "g").join(right, on="g", how="semi"),
        "anti join": lambda left, right: left.select("id", "g").join(right, on="g", how="anti"),
        "cross join": lambda left, right: left.select("id").join(right, how="cross"),
        "as-of join": lambda left, right: (
            left.drop_nulls("o").sort("o").join_asof(right.sort("v"), left_on="o", right_on="v")
        ),
        "concat": lambda left, _: nw.concat([left.select("id"), left.select("id")]),
        "concat diagonally": lambda left, right: nw.concat([left.select("id", "g"), right], how="diagonal"),
        "unpivot": lambda left, _: left.select("id", "i", "j").unpivot(["i", "j"], index="id"),
        "explode": lambda left, _: left.select("id", "l").explode("l"),
        "sort and head": lambda left, _: (
            left.select("id", "o").sort("o", "id", descending=[True, False], nulls_last=True).head(3)
        ),
        "top": lambda left, _: left.drop_nulls("i").select("id", "i").top_k(2, by="i"),
        "unique last": lambda left, _: left.unique("g", keep="last", order_by=_ORDER).select("id", "g"),
        "unique none": lambda left, _: left.unique("g", keep="none").select("id", "g"),
        "unique": lambda left, _: left.select("g").unique(),
        "drop nulls": lambda left, _: left.drop_nulls("i").select("id"),
        "row index": lambda left, _: left.with_row_index("n", order_by="id").select("id", "n"),
        "rename and drop": lambda left, _: left.select("id", "g", "i").rename({"g": "h"}).drop("i"),
        "filter null": lambda left, _: left.filter(_C("i") > 0).select("id"),
        "every other row": lambda left, _: left.select("id").gather_every(2),
        "group by null": lambda left, _: left.group_by("g").agg(nw.len().alias("n")),
        "group without null": lambda left, _: left.group_by("g", drop_null_keys=True).agg(nw.len().alias("n")),
        "group by expression": lambda left, _: left.group_by(_C("t").dt.date().alias("k")).agg(nw.len().alias("n")),
    }
