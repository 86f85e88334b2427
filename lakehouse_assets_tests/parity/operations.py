"""Cases of the kit: every operation on the edge values of every type it takes."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import ColumnType, Kind
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.engines.times import from_micros
from lakehouse_assets_tests.parity.cases import Batch, Whole, typed
from lakehouse_assets_tests.parity.edges import NUMBER_TEXTS, TEXTS, TIMES, edges

MONEY, RATE = ColumnType(Kind.DECIMAL, 18, 4), ColumnType(Kind.DECIMAL, 18, 8)
COLUMNS = {kind.value: ColumnType(kind) for kind in Kind if kind is not Kind.DECIMAL} | {
    "money": MONEY,
    "rate": RATE,
    "wide": ColumnType(Kind.DECIMAL, 38, 18),
}
TYPES = {name: to_narwhals(kind) for name, kind in COLUMNS.items()}
MOST = 1_000_000
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC")


def values() -> pl.DataFrame:
    """Return a column of edge values of every type."""
    return typed({name: edges(kind) for name, kind in COLUMNS.items()}, TYPES)


def batches() -> Iterator[Batch]:
    """Yield every operation of the kit, those that read text apart."""
    yield Batch("hash", values(), dict(_hashes()))
    yield Batch("row", _finite(values()), dict(_rows()))
    yield Batch("text", pl.DataFrame({"text": [*TEXTS, *NUMBER_TEXTS]}, schema={"text": pl.String}), dict(_texts()))
    yield Batch("number", values(), dict(_numbers()))
    yield Batch("time", _naive(), dict(_times()))
    yield Batch("portable", _pairs(), dict(_portable()))


def wholes() -> Iterator[Whole]:
    """Yield the operations of the kit on whole frames."""
    yield Whole("as of", [_orders(), _rates()], _with_rates)
    yield Whole("sum over days", [_orders()], _weekly)
    yield Whole("sum over days of nothing", [_orders().clear()], _weekly)


def _hashes() -> Iterator[tuple[str, nw.Expr]]:
    for name, dtype in TYPES.items():
        yield f"hash of {name}", kit.row_hash({name: dtype})
    yield "hash of all", kit.row_hash(TYPES)
    yield "hash of all, other order", kit.row_hash(dict(reversed(TYPES.items())))
    yield "bucket", kit.spread({"string": nw.String(), "long": nw.Int64()}, 7)


def _rows() -> Iterator[tuple[str, nw.Expr]]:
    flags: dict[str, dict[str, str | None]] = {
        "boolean": {"rule_id": "a", "column": None},
        "other": {"rule_id": "b", "column": "c"},
    }
    yield "row as JSON", kit.row_as_json({f'say "{name}"': name for name in TYPES})
    yield "reasons", kit.joined_field(kit.reasons_of(flags), "rule_id")
    yield "reasons in full", kit.reasons_of(flags)


def _texts() -> Iterator[tuple[str, nw.Expr]]:
    text = nw.col("text")
    yield "only ASCII", kit.has_only_ascii(text)
    yield "NFC", kit.to_nfc(text)
    yield "length", text.str.len_chars().cast(nw.Int64)
    yield "lower", text.str.to_lowercase()
    yield "upper", text.str.to_uppercase()
    for dtype in (nw.Int32(), nw.Int64(), nw.Float64(), nw.Decimal(18, 18), nw.Decimal(38, 18)):
        yield f"read as {dtype}", kit.read_number(text, dtype)


def _numbers() -> Iterator[tuple[str, nw.Expr]]:
    for name in ("integer", "long", "double", "money", "wide"):
        yield f"{name} as Int32", kit.try_cast(nw.col(name), nw.Int32())
        yield f"{name} as Int64", kit.try_cast(nw.col(name), nw.Int64())
    yield "long as decimal", kit.try_cast(nw.col("long"), nw.Decimal(38, 18))
    yield "money as a smaller decimal", kit.try_cast(nw.col("money"), nw.Decimal(9, 4))
    for name in ("integer", "long", "double", "money", "wide"):
        yield f"magnitude of {name}", kit.magnitude(nw.col(name))
    yield "moments", from_micros(nw.col("long"))


def _times() -> Iterator[tuple[str, nw.Expr]]:
    naive = nw.col("naive")
    yield "as UTC", kit.as_utc(naive)
    for zone in ZONES:
        yield f"{zone}, twice is null", kit.try_localise(naive, zone)
        yield f"{zone}, twice is the first", kit.try_localise(naive, zone, ambiguous="earliest")
    yield "a partition's day", kit.try_datetime(nw.col("day"), "%Y-%m-%d")
    yield "a partition's hour", kit.try_datetime(nw.col("hour"), "%Y-%m-%d-%H:%M")


def _portable() -> Iterator[tuple[str, nw.Expr]]:
    money, rate, count, real = (nw.col(name) for name in ("money", "rate", "count", "real"))
    for scale in (0, 2, 4):
        yield f"money rounded to {scale}", kit.rounded(money, scale)
        yield f"money at a rate, rounded to {scale}", kit.rounded_product(money, rate, scale)
        yield f"money by count, rounded to {scale}", kit.rounded_product(money, count, scale)
    yield "money at a rate", kit.product(money, rate).cast(nw.Decimal(38, 8))
    yield "money by money", kit.product(money, money).cast(nw.Decimal(38, 4))
    yield "money by count", kit.product(money, count).cast(nw.Decimal(38, 4))
    yield "product of doubles", kit.product(real, real)
    yield "quotient of doubles", kit.quotient(real, rate.cast(nw.Float64) * 3 + 0.7)
    yield "weekday of a date", kit.iso_weekday(nw.col("day"))
    yield "weekday of a time", kit.iso_weekday(nw.col("at"))
    yield "a month of days later", kit.days_after(nw.col("day"), 30)
    yield "stripped", nw.col("text").str.strip_chars(kit.BLANKS)


def _pairs() -> pl.DataFrame:
    """Return every amount beside every rate, and days around changes of the year."""
    amounts = [value for value in edges(MONEY) if value is None or abs(value) < MOST]
    rates = [value for value in edges(RATE) if value is None or abs(value) < MOST]
    both = list(product(amounts, rates))
    days = [day for day in edges(COLUMNS["date"]) if day is None or day.year < 9999]
    values = {
        "money": [amount for amount, _ in both],
        "rate": [rate for _, rate in both],
        "count": [*edges(COLUMNS["integer"])],
        "real": [0.1, 2.675, -2.5, 1e20, None],
        "day": days,
        "at": [*edges(COLUMNS["timestamp"])],
        "text": [*TEXTS],
    }
    names = {"money": "money", "rate": "rate", "count": "integer", "real": "double", "day": "date", "at": "timestamp"}
    return typed(values, {name: TYPES[names.get(name, "string")] for name in values})


def _orders() -> pl.DataFrame:
    days = [date(2024, 12, 28), date(2025, 1, 1), date(2025, 1, 1), date(2025, 1, 7), date(2025, 1, 8), None]
    rows = list(product(["EUR", "usd", "é", None], days))
    values: dict[str, list[Any]] = {
        "currency": [currency for currency, _ in rows],
        "day": [day for _, day in rows],
        "amount": [Decimal("10.0050") * at for at in range(len(rows))],
        "number": list(range(len(rows))),
    }
    return typed(values, dict(zip(values, [TYPES[name] for name in ("string", "date", "money", "long")], strict=True)))


def _rates() -> pl.DataFrame:
    rows: list[tuple[str | None, date, str]] = [
        ("EUR", date(2025, 1, 1), "1.1"),
        ("EUR", date(2025, 1, 1), "1.2"),
        ("EUR", date(2025, 1, 8), "1.3"),
    ]
    rows += [("usd", date(2024, 1, 1), "2"), (None, date(2024, 1, 1), "3"), ("GBP", date(2024, 1, 1), "4")]
    values: dict[str, list[Any]] = {
        "currency": [currency for currency, _, _ in rows],
        "day": [day for _, day, _ in rows],
        "rate": [Decimal(rate) for _, _, rate in rows],
    }
    return typed(values, dict(zip(values, [TYPES[name] for name in ("string", "date", "rate")], strict=True)))


def _with_rates(orders: nw.LazyFrame, rates: nw.LazyFrame) -> nw.LazyFrame:
    return kit.as_of(orders, rates, by=["currency"], on="day", take=["rate"])


def _weekly(orders: nw.LazyFrame) -> nw.LazyFrame:
    dated = orders.filter(~nw.col("day").is_null())
    sums = kit.sum_over_days(dated, by=["currency"], day="day", value="amount", days=7)
    return sums.with_columns(nw.col("amount").cast(nw.Decimal(38, 4)))


def _finite(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(other=~pl.col("boolean") | pl.col("integer").is_null())


def _naive() -> pl.DataFrame:
    """Return local times around changes of clocks, a quarter of an hour apart, and what partitions are named like."""
    changes = [(2024, 3, 31), (2024, 10, 27), (2024, 3, 10), (2024, 11, 3), (2024, 4, 7), (2024, 10, 6), (2011, 12, 30)]
    quarters = [
        pl.datetime_range(pl.datetime(*day), pl.datetime(*day) + pl.duration(hours=26), "15m", eager=True)
        for day in changes
    ]
    edges_ = pl.Series([each.replace(tzinfo=None) for each in TIMES if each is not None], dtype=pl.Datetime("us"))
    naive = pl.concat([*(each.cast(pl.Datetime("us")) for each in quarters), edges_]).alias("naive")
    days = ["2010-12-01", "2010-12-01-23:00", "2012-02-29", "9999-12-31", "", None, "2010-13-01"]
    names = pl.Series("day", (days * len(naive))[: len(naive)], dtype=pl.String)
    return pl.DataFrame([naive, names, names.alias("hour")])
