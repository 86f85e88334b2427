"""Inputs of the benchmarks: an order table as text, one bad value in a hundred rows, the same for every run."""

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


def orders(rows: int) -> pl.LazyFrame:
    """Return `rows` order lines, all text, unique by order_id; 1 % have a quantity that is no number."""
    number = pl.col("i")
    mixed = (number * 2_654_435_761) % 4_294_967_296
    frame = pl.LazyFrame({"i": pl.int_range(0, rows, eager=True)}).with_columns(x=mixed)
    x = pl.col("x")

    def padded(value: pl.Expr, width: int) -> pl.Expr:
        return value.cast(pl.String).str.zfill(width)

    return frame.select(
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
