"""Quarantine files that belong to no version of their table that anybody may still need: taken out by a commit.

A quarantine only grows, since each publish adds its files beside those of the served one. What stays is rewritten
with its publish; what goes are rows that no reader counts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from lakehouse_assets.naming import publish_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.upkeep.needed import Needs
from lakehouse_assets.pipeline.upkeep.rewrite import Group, Rewritten, rewrite
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.table import OpenTable


def plan_pruning(side: OpenTable, needs: Needs, cutoff: datetime) -> dict[str, tuple[Group, ...]]:
    """Return, for each partition with files that nobody needs, what stays of it."""
    written = {entry.path: entry.modified_at for entry in Objects(side.root, side.options).entries()}
    stale = {
        file.path
        for file in side.files
        if publish_of(file.path) is not None
        and (file.path.split("/", 1)[0], publish_of(file.path)) not in needs.publishes
        and file.path in written
        and written[file.path] <= cutoff
    }
    touched = sorted({file.partition for file in side.files if file.path in stale})
    return {partition: _staying(side, partition, stale) for partition in touched}


def prune(lake: Lake, side: OpenTable, groups: Mapping[str, Sequence[Group]]) -> Rewritten:
    """Take out what nobody needs; a partition that a publish adds to meanwhile is left for the next time."""
    return rewrite(lake, side, groups, why="prune")


def _staying(side: OpenTable, partition: str, stale: set[str]) -> tuple[Group, ...]:
    files = [file for file in side.files_of([partition]) if file.path not in stale]
    publishes = sorted({str(publish_of(file.path)) for file in files})
    return tuple(
        Group(partition, publish, tuple(file for file in files if publish_of(file.path) == publish))
        for publish in publishes
    )
