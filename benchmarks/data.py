"""Inputs of the benchmarks: an order table as text, one bad value in a hundred rows, the same for every run."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

DAY = "2026-01-05"
COLUMNS = (
    "order_id",
    "customer_id",
    "product_id",
    "quantity",
    "unit_price",
    "currency",
    "status",
    "ordered_at",
    "country",
    "note",
)


def cyclic(rows: int) -> pl.LazyFrame:
    """Return numbers `n` from 0, and `x`, which looks like chance and is the same everywhere."""
    mixed = (pl.col("n") * 2_654_435_761) % 4_294_967_296
    return pl.LazyFrame({"n": pl.int_range(0, rows, eager=True)}).with_columns(x=mixed)


def orders(rows: int) -> pl.LazyFrame:
    """Return `rows` order lines, all text, unique by order_id; 1 % have a quantity that is no number."""
    number, x = pl.col("n"), pl.col("x")

    def padded(value: pl.Expr, width: int) -> pl.Expr:
        return value.cast(pl.String).str.zfill(width)

    return cyclic(rows).select(
        order_id=pl.format("O{}", padded(number, 9)),
        customer_id=pl.format("C{}", padded(x % 200_000, 7)),
        product_id=pl.format("P{}", padded(x // 7 % 5_000, 5)),
        quantity=pl.when(number % 100 == 7).then(pl.lit("bad")).otherwise((x % 97 + 1).cast(pl.String)),
        unit_price=pl.format("{}.{}", x % 500 + 1, padded(x % 100, 2)),
        currency=pl.when(x % 3 == 0).then(pl.lit("EUR")).when(x % 3 == 1).then(pl.lit("USD")).otherwise(pl.lit("GBP")),
        status=pl.when(x % 3 == 0).then(pl.lit("pending")).otherwise(pl.lit("shipped")),
        ordered_at=pl.format(
            "2026-01-05 {}:{}:{}", padded(x % 24, 2), padded(x // 24 % 60, 2), padded(x // 1440 % 60, 2)
        ),
        country=pl.when(x % 5 < 4).then(pl.lit("United Kingdom")).otherwise(pl.lit("France")),
        note=pl.format("note {}", x % 100_000),
    )


def write_text_parquet(path: Path, rows: int) -> None:
    """Write the orders as Parquet with text columns only."""
    orders(rows).sink_parquet(path)


def write_csv(path: Path, rows: int) -> None:
    """Write the orders as CSV."""
    orders(rows).sink_csv(path)


# What is wrong with which rows: every so many rows, the one at this place, in this column, as this text.
FAULTS = (
    (100, 7, "quantity", "bad"),
    (1_000, 13, "quantity", "0"),
    (1_000, 29, "currency", "XXX"),
    (1_000, 31, "order_id", "no order"),
    (1_000, 41, "customer_id", None),
    (1_000, 53, "unit_price", "-1.00"),
    (1_000, 59, "ordered_at", "2026-02-30 10:00:00"),
)
# The order with this number has the id of the one before: both are refused.
REPEAT_EVERY, REPEATED = 10_000, 72


def dirty_orders(rows: int) -> pl.LazyFrame:
    """Return the orders with seven kinds of fault and a few repeated ids, 1.6 % of the rows; no row has two."""
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    clean = orders(rows).with_columns(quantity=(number * 2_654_435_761 % 4_294_967_296 % 97 + 1).cast(pl.String))
    repeated = pl.when(number % REPEAT_EVERY == REPEATED).then(pl.col("order_id").shift(1))
    frame = clean.with_columns(order_id=repeated.otherwise(pl.col("order_id")))
    for every, place, column, text in FAULTS:
        wrong = pl.when(number % every == place).then(pl.lit(text, pl.String)).otherwise(pl.col(column))
        frame = frame.with_columns(wrong.alias(column))
    return frame


@dataclass(frozen=True, slots=True)
class Truth:
    """What a job over `dirty_orders` must find; `refused` counts rows by the column that is wrong."""

    good: int
    units: int
    refused: dict[str, int]


def truth_of(rows: int) -> Truth:
    """Return it, counted without any engine's parser or rule."""
    kinds = [(every, place, column) for every, place, column, _ in FAULTS]
    kinds += [(REPEAT_EVERY, place, "order_id") for place in (REPEATED - 1, REPEATED)]
    refused: dict[str, int] = {}
    units = sum(_units(number) for number in range(rows))
    for every, place, column in kinds:
        wrong = range(place, rows, every)
        refused[column] = refused.get(column, 0) + len(wrong)
        units -= sum(_units(number) for number in wrong)
    return Truth(rows - sum(refused.values()), units, refused)


def _units(number: int) -> int:
    return number * 2_654_435_761 % 4_294_967_296 % 97 + 1
