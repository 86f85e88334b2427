"""Thirty rules and two keys over typed rows: as a contract declares them (`ours`), and one select by hand (`plain`)."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import narwhals as nw
import polars as pl

from benchmarks.peers.thirty import DAY_BEGINS, DAY_ENDS, EMAIL, KEYS, NEVER_SOLD, REQUIRED, SETS, Counts, moment, named
from benchmarks.thirty import MONEY, order_lines, truth, write_contract
from lakehouse_assets.contracts.loader import load_contract
from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary
from lakehouse_assets.quality.judge import bind, counts, flag, to_results
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.rule import load_rules

DAY = "2026-01-05"
ROWS, CONTRACT = "lines.parquet", "silver/lines.odcs.yaml"


def prepare(folder: Path, rows: int) -> float:
    """Write the rows and their contract; not part of the figure."""
    write_contract(folder / CONTRACT)
    order_lines(rows).sink_parquet(folder / ROWS)
    return 0.0


def ours(folder: Path, rows: int) -> float:
    """Judge as a run does: all row rules in one pass, keys beside it; return seconds."""
    contract, functions, engine = load_contract(folder / CONTRACT, collect_vocabulary()), load_rules(), PolarsEngine()
    frame = nw.from_native(pl.scan_parquet(folder / ROWS)).with_columns(nw.lit(DAY).alias(PROC_DATE))
    started = time.perf_counter()
    scope = scope_of(contract)
    keys = [spec for spec in contract.rules if spec.kind is RuleKind.PARTITION]
    rules = bind([spec for spec in contract.rules if spec.kind is RuleKind.ROW], functions, scope)
    totals = flag(frame, rules).select(nw.len().alias("__rows"), *counts(rules))
    counted, *repeated = engine.collect_all([totals, *judge_partitions(frame, PROC_DATE, keys, functions, scope)])
    (found,) = counted.rows(named=True)
    results = (
        *to_results(rules, found, found["__rows"]),
        *to_partition_results(keys, repeated, DAY, found["__rows"], scope),
    )
    seconds = time.perf_counter() - started
    _check({result.rule_id: result.failed_rows for result in results if not result.reason}, rows)
    return seconds


def plain(folder: Path, rows: int) -> float:
    """Count by hand, all at once; return seconds."""
    c = pl.col
    fine = {
        **{f"{name}-required": c(name).is_not_null() for name in REQUIRED},
        "order_id-matches": c("order_id").str.contains(r"\A(?:O[0-9]{9})\z"),
        "invoice_id-matches": c("invoice_id").str.contains(r"\A(?:I[0-9]{8})\z"),
        "customer_id-matches": c("customer_id").str.contains(r"\A(?:C[0-9]+)\z"),
        "product_id-matches": c("product_id").str.contains(r"\A(?:P[0-9]+)\z"),
        "email-matches": c("email").str.contains(rf"\A(?:{EMAIL})\z"),
        "customer_id-length": c("customer_id").str.len_chars().is_between(3, 20),
        "product_id-length": c("product_id").str.len_chars() == 6,
        "country-length": c("country").str.len_chars() == 2,
        "line-between": c("line").is_between(1, 20),
        "quantity-between": c("quantity").is_between(1, 100),
        "unit_price-between": c("unit_price").is_between(_money(0), _money(10_000)),
        "discount-between": c("discount").is_between(0, 0.9),
        "amount-between": c("amount").is_between(_money(0), _money(1_000_000)),
        **{f"{name}-in_set": c(name).is_in(values) for name, values in SETS.items()},
        "quantity-not_in_set": ~c("quantity").is_in(NEVER_SOLD),
        "ordered_at-not_before": c("ordered_at") >= moment(DAY_BEGINS),
        "ordered_at-not_after": c("ordered_at") <= moment(DAY_ENDS),
        "ordered_at-compare_columns": c("ordered_at") <= c("shipped_at"),
    }
    started = time.perf_counter()
    broken = [(~rule.fill_null(value=True)).sum().alias(name) for name, rule in fine.items()]
    # Rows that repeat an earlier one: half of the members of pairs, and half the price of counting these.
    repeated = [(pl.len() - _key(columns).n_unique()).alias(name) for name, columns in KEYS.items()]
    found = pl.scan_parquet(folder / ROWS).select(*broken, *repeated).collect(engine="streaming")
    seconds = time.perf_counter() - started
    counted = found.row(0, named=True)
    _check(counted | {name: 2 * counted[name] for name in KEYS}, rows)
    return seconds


def _money(number: int) -> pl.Expr:
    return pl.lit(number).cast(MONEY)


def _key(columns: tuple[str, ...]) -> pl.Expr:
    return pl.col(columns[0]) if len(columns) == 1 else pl.struct(columns)


def _check(found: Counts, rows: int) -> None:
    assert set(found) == set(truth(rows)), set(found) ^ set(truth(rows))
    assert named(found) == truth(rows), {name: (count, truth(rows)[name]) for name, count in found.items()}


if __name__ == "__main__":
    variant, where, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    where.mkdir(parents=True, exist_ok=True)
    work: Callable[[Path, int], float] = {"prepare": prepare, "ours": ours, "plain": plain}[variant]
    print(json.dumps({"seconds": work(where, number)}))
