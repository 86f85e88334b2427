"""Twelve violation counts over 5 million typed rows: bound rules (`ours`) and one hand-fused select (`plain`)."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import narwhals as nw
import polars as pl

from benchmarks.data import orders
from benchmarks.lakes import SILVER, lake_below
from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.quality.judge import bind, counts, flag

# Text columns of the orders as the types of their contract.
TYPED = (
    pl.col("quantity").cast(pl.Int32, strict=False),
    pl.col("unit_price").cast(pl.Decimal(18, 4)),
    pl.col("ordered_at").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC"),
)


def prepare(folder: Path, rows: int) -> float:
    """Write typed rows; not part of the figure."""
    contract = lake_below(folder).contract(SILVER)
    types = {column.name: to_narwhals(column.type) for column in contract.columns}
    assert set(types) == set(orders(1).collect_schema().names())
    orders(rows).with_columns(*TYPED, pl.lit("2026-01-05").alias("_proc_date")).sink_parquet(folder / "typed.parquet")
    return 0.0


def ours(folder: Path, rows: int) -> float:
    """Count with the contract's own rules; return seconds."""
    lake = lake_below(folder)
    contract = lake.contract(SILVER)
    frame = nw.from_native(pl.scan_parquet(folder / "typed.parquet"))
    started = time.perf_counter()
    specs = [spec for spec in contract.rules if spec.kind is RuleKind.ROW]
    rules = bind(specs, lake.rule_functions, scope_of(contract))
    found = lake.engine.collect(flag(frame, rules).select(*counts(rules)))
    seconds = time.perf_counter() - started
    assert sum(found.row(0)) == rows // 100
    return seconds


def plain(folder: Path, rows: int) -> float:
    """Count by hand; return seconds."""
    c = pl.col
    fine = [
        c("order_id").is_not_null(),
        c("order_id").str.contains(r"\A(?:O[0-9]{9})\z"),
        c("customer_id").is_not_null(),
        c("customer_id").str.len_chars().is_between(3, 20),
        c("product_id").str.len_chars().is_between(6, 6),
        c("quantity").is_not_null(),
        c("quantity").is_between(1, 100),
        c("unit_price").is_between(pl.lit(0).cast(pl.Decimal(18, 4)), pl.lit(10000).cast(pl.Decimal(18, 4))),
        c("currency").is_in(["EUR", "USD", "GBP"]),
        c("status").is_in(["pending", "shipped", "delivered"]),
        c("ordered_at") <= datetime(2026, 1, 6, tzinfo=UTC),
        c("country").is_not_null(),
    ]
    started = time.perf_counter()
    broken = [(~rule.fill_null(value=True)).sum().alias(str(number)) for number, rule in enumerate(fine)]
    found = pl.scan_parquet(folder / "typed.parquet").select(broken).collect(engine="streaming")
    seconds = time.perf_counter() - started
    assert sum(found.row(0)) == rows // 100
    return seconds


if __name__ == "__main__":
    variant, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    where.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"seconds": {"prepare": prepare, "ours": ours, "plain": plain}[variant](where, count)}))
