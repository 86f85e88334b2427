"""Which partitions are worth rewriting: too many small files, or rows that do not lie as the contract wants them.

Planning reads the log and nothing else; doing it is `rewrite`'s.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.polars_engine import ROWS_PER_FILE
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import layout_of, publish_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.upkeep.rewrite import Group, Rewritten, layout_name, rewrite
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.publish_sets import write_set
from lakehouse_assets.storage.table import OpenTable

SMALL_BYTES = 16 * 1024 * 1024
MANY_FILES = 4


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One partition that should be rewritten, and why."""

    partition: str
    why: str
    files: int
    files_after: int
    rows: int
    bytes: int


def plan_rewrites(contract: Contract, table: OpenTable) -> tuple[Rewrite, ...]:
    """Return the partitions of a table that should be rewritten."""
    by_partition: dict[str, list[DataFile]] = {}
    for file in table.files:
        by_partition.setdefault(file.partition, []).append(file)
    layout = layout_name(contract.cluster)
    found = (_planned(name, files, layout if contract.cluster else "") for name, files in by_partition.items())
    return tuple(one for one in found if one is not None)


def is_small(file: DataFile) -> bool:
    """Whether a file costs more to open than to read."""
    return file.size < SMALL_BYTES and file.rows < ROWS_PER_FILE // 2


def compact(lake: Lake, contract: Contract, table: OpenTable, partitions: Sequence[str]) -> Rewritten:
    """Rewrite partitions into few files, in the order the contract wants, without changing a row."""
    groups = {name: [_group(table, name)] for name in partitions}
    return rewrite(lake, table, groups, cluster=contract.cluster, why="compact")


def _planned(partition: str, files: Sequence[DataFile], layout: str) -> Rewrite | None:
    rows = sum(file.rows for file in files)
    after = max(1, math.ceil(rows / ROWS_PER_FILE))
    if any(publish_of(file.path) is None for file in files):
        return None
    small = sum(is_small(file) for file in files)
    if small >= MANY_FILES and len(files) >= 2 * after:
        why = f"{small} small files"
    elif layout and rows and any(layout_of(file.path) != layout for file in files):
        why = "not clustered"
    else:
        return None
    return Rewrite(partition, why, len(files), after, rows, sum(file.size for file in files))


def _group(table: OpenTable, partition: str) -> Group:
    files = table.files_of([partition])
    publishes = sorted({name for file in files for name in table.publishes_of(file)})
    name = publishes[0] if len(publishes) == 1 else write_set(Objects(table.root, table.options), publishes)
    return Group(partition, name, files)
