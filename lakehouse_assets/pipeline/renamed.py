"""Promised columns under another name: `lakehouse.renamedFrom` of silver and gold, without column mapping.

The table gets the new column and keeps the former one, and what is published fills both with the same values: readers
of either name see every row. In partitions that did not run again the new column is null until they are restated;
this project's own readers take the former one there. What a source calls its columns is `on_read`.
"""

from collections.abc import Collection, Mapping

import narwhals as nw

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import SchemaChangeError
from lakehouse_assets.results import ADDED, REMOVED, RENAMED, DriftEvent
from lakehouse_assets.storage.table import delta_columns


def formers_of(contract: Contract, stored: Mapping[str, str]) -> dict[str, str]:
    """Return the present name of each former column a table still has; `stored` has the table's Delta types.

    Raises SchemaChangeError when a column changed its type with its name.
    """
    types = delta_columns(contract.columns)
    renamed = {column.renamed_from: column.name for column in contract.columns if column.renamed_from in stored}
    for former, name in renamed.items():
        if stored[former] != types[name]:
            raise SchemaChangeError(
                f"{name} is renamed from {former}, but is {types[name]}, not {stored[former]}.",
                where=str(contract.place),
                fix="Rename and change the type in two steps: renamedFrom for the name, a new column for the type.",
            )
    return renamed


def with_former_columns(columns: Mapping[str, str], formers: Mapping[str, str]) -> dict[str, str]:
    """Return the columns a publish writes, former ones included, the partition column last."""
    *names, partition = columns
    former = {old: columns[new] for old, new in formers.items() if old not in columns}
    return {**{name: columns[name] for name in names}, **former, partition: columns[partition]}


def fill_former(rows: nw.LazyFrame, contract: Contract, columns: Collection[str]) -> nw.LazyFrame:
    """Add the former columns among `columns` to computed rows."""
    known = {column.renamed_from: column.name for column in contract.columns if column.renamed_from in columns}
    return rows.with_columns(*[nw.col(name).alias(former) for former, name in known.items()]) if known else rows


def fill_renamed(rows: nw.LazyFrame, contract: Contract) -> nw.LazyFrame:
    """Return a table's rows with renamed columns filled from former ones where a partition did not run again."""
    have = rows.collect_schema()
    pairs = {column.name: column.renamed_from for column in contract.columns if column.renamed_from in have}
    filled = [nw.coalesce(*[name for name in pair if name in have]).alias(pair[0]) for pair in pairs.items()]
    return rows.with_columns(*filled) if filled else rows


def drift_of(contract: Contract, written: Collection[str], stored: Collection[str]) -> tuple[DriftEvent, ...]:
    """Return how what a publish writes differs from the columns its table has: what it adds, and no longer fills."""
    if contract.table.layer == "bronze":
        return ()
    former = {column.name: column.renamed_from for column in contract.columns if column.renamed_from in stored}
    fresh = [name for name in written if name not in stored and not name.startswith("_")]
    renamed = tuple((former[name], name) for name in fresh if name in former)
    added = tuple(name for name in fresh if name not in former)
    removed = tuple(name for name in stored if name not in written and not name.startswith("_"))
    where = f"{contract.place} {contract.version}"
    found = (
        DriftEvent(ADDED, added=added, where=where),
        DriftEvent(REMOVED, removed=removed, where=where),
        DriftEvent(RENAMED, renamed=renamed, where=where),
    )
    return tuple(event for event in found if event.added or event.removed or event.renamed)
