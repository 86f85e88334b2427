"""Rows and sums of key measures of every partition readers see, to compare before and after."""

from collections.abc import Collection
from dataclasses import dataclass, field

import narwhals as nw

from lakehouse_assets.contracts.model import Column, Contract, Kind
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.lake import Lake

_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL}


@dataclass(frozen=True, slots=True)
class Measures:
    """What readers see of one partition: rows, and the exact sum of each measure as text."""

    rows: int
    sums: dict[str, str] = field(default_factory=dict)


def key_measures(contract: Contract) -> tuple[str, ...]:
    """Return the columns whose sums mean something: exact numbers that are no key and may be shown to anyone."""
    return tuple(column.name for column in contract.columns if _is_measure(column, contract))


def measures_of(lake: Lake, table: TableName, partitions: Collection[str]) -> dict[str, Measures]:
    """Return the measures of those of the partitions that are published."""
    contract, opened = lake.contract(table), lake.open(table)
    if opened is None:
        return {}
    whole = not contract.is_partitioned
    files = opened.files if whole else opened.files_of(partitions)
    rows = lake.scan(opened, files)
    # A column that the contract added since is not in the table yet.
    names = [name for name in key_measures(contract) if name in opened.columns]
    sums = [_sum(rows, name) for name in names]
    by = nw.lit(SNAPSHOT_PARTITION) if whole else nw.col(opened.partition_column)
    keyed = rows.with_columns(by.alias("__key"))
    found = lake.engine.collect(keyed.group_by("__key").agg(nw.len().alias("__rows"), *sums))
    seen = {row["__key"]: Measures(row["__rows"], {n: str(row[n]) for n in names}) for row in found.to_dicts()}
    published = {SNAPSHOT_PARTITION} if whole else set(opened.partitions) & set(partitions)
    return {key: seen.get(key, Measures(0, dict.fromkeys(names, "0"))) for key in sorted(published)}


def _sum(rows: nw.LazyFrame, name: str) -> nw.Expr:
    column = nw.col(name)
    is_integer = rows.collect_schema()[name].is_integer()
    return (column.cast(nw.Int128) if is_integer else column).sum().alias(name)


def _is_measure(column: Column, contract: Contract) -> bool:
    is_key = column.primary_key or column.unique or column.name in contract.load.keys
    named = column.name.endswith(("_id", "_sk", "_no", "_key"))
    return column.type.kind in _NUMBERS and not (is_key or named or column.is_classified)
