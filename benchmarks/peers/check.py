"""Whether what a peer wrote is right, compared with what the generator knows about the rows it made."""

from functools import cache
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from benchmarks.data import truth_of

# How a peer may call the rule that ids are unique.
_ALIASES = {"order_id": "order_id|primary_key|repeated_key"}
_truth = cache(truth_of)


def fault_of(good: Path, refused: Path, rows: int, *, reasons: str = "reasons") -> str:
    """Return what is wrong about the output of a job over `rows` dirty orders, or nothing.

    `reasons` is the column of the refused rows that tells why.
    """
    known = _truth(rows)
    kept = _rows(good).select(pl.len(), pl.col("quantity").cast(pl.Int64, strict=False).sum()).collect()
    counted, units = kept.row(0)
    if counted != known.good:
        return f"{counted:,} good rows, {known.good:,} are right"
    if units != known.units:
        return f"good rows have {units:,} units, {known.units:,} are right"
    return _fault_of_reasons(_rows(refused).rename({reasons: "reasons"}), known.refused)


def _fault_of_reasons(refused: pl.LazyFrame, expected: dict[str, int]) -> str:
    if isinstance(refused.collect_schema()["reasons"], pl.List):
        ids = pl.col("reasons").list.eval(pl.element().struct.field("rule_id"))
        refused = refused.with_columns(ids.list.join(" ").alias("reasons"))
    told = [pl.col("reasons").str.contains(_ALIASES.get(name, name)).sum().alias(name) for name in expected]
    found = refused.select(pl.len().alias("rows"), *told).collect().row(0, named=True)
    if found["rows"] != sum(expected.values()):
        return f"{found['rows']:,} refused rows, {sum(expected.values()):,} are right"
    wrong = [name for name, count in expected.items() if found[name] != count]
    return f"{found[wrong[0]]:,} rows refused for {wrong[0]}, {expected[wrong[0]]:,} are right" if wrong else ""


def _rows(folder: Path) -> pl.LazyFrame:
    if DeltaTable.is_deltatable(str(folder)):
        return pl.scan_parquet(DeltaTable(str(folder)).file_uris())
    files = sorted(folder.rglob("*.parquet"))
    return pl.scan_parquet(files) if files else pl.scan_csv(sorted(folder.rglob("*.csv")), infer_schema=False)
