"""Rewriting partitions: the same rows in other files, by the one write primitive (stage, compare, note, commit).

Which partitions, and why, is `compact`'s and `prune`'s business. Files keep the publish their rows belong to, so
records, quarantine pairing and derivation do not notice (`docs/adr/0012-maintenance.md`).
"""

import dataclasses
import hashlib
import json
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw

from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import Branch, DataFile, Target
from lakehouse_assets.errors import PublishConflictError, StagedFileError
from lakehouse_assets.naming import maintenance_file, rewritten_prefix
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.commit import ATTEMPTS, Change, PartitionsMovedError, commit, remove_staged
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import REASONS_TYPE, OpenTable, open_table

ROWS_PER_SORT = 2_000_000
UNORDERED = "0" * 8
_HASH = "__hash"


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one partition whose rows go into new files of one publish (or set of publishes)."""

    partition: str
    publish: str
    files: tuple[DataFile, ...]

    @property
    def rows(self) -> int:
        """Rows of all its files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of the partitions of one rewrite; the overtaken ones are as another run published them."""

    files: Mapping[str, tuple[StagedFile, ...]]
    overtaken: tuple[str, ...]
    table: OpenTable


def layout_name(cluster: Sequence[str]) -> str:
    """Return how rows lie in rewritten files, as the file names say it."""
    return hashlib.sha256(",".join(cluster).encode()).hexdigest()[:8] if cluster else UNORDERED


def rewrite(
    lake: Lake, table: OpenTable, groups: Mapping[str, Sequence[Group]], *, cluster: Sequence[str] = (), why: str
) -> Rewritten:
    """Replace each partition's files by new ones with the rows of its groups; what is in no group is dropped.

    Partitions that another run published meanwhile are left alone. Raises StagedFileError, and changes nothing,
    when new files do not hold exactly the rows of the old ones.
    """
    token = secrets.token_hex(4)
    prefix = rewritten_prefix(layout_name(cluster), token)
    staged: dict[str, tuple[StagedFile, ...]] = {}
    for partition, members in groups.items():
        staged[partition] = ()
        for group in members:
            # Numbers go on: two groups of one publish must not write over each other's files.
            before = staged[partition]
            staged[partition] = (*before, *_staged(lake, table, group, _Place(prefix, len(before), tuple(cluster))))
    metadata = _note(Objects(table.root, table.options), token, why, staged, groups)
    return _committed(table, staged, metadata)


@dataclass(frozen=True, slots=True)
class _Place:
    prefix: str
    first_number: int
    cluster: tuple[str, ...]


def _staged(lake: Lake, table: OpenTable, group: Group, place: _Place) -> tuple[StagedFile, ...]:
    rows = lake.scan(table, group.files)
    target = Target(table.root, table.partition_column, group.publish, place.first_number, place.prefix)
    if not group.rows:
        columns = {name: kind for name, kind in table.columns.items() if name != table.partition_column}
        return (lake.engine.stage_empty(target, group.partition, in_memory(columns)),)
    files: list[StagedFile] = []
    for part in _slices(lake, rows, group.rows, place.cluster):
        next_place = dataclasses.replace(target, first_number=place.first_number + len(files))
        (written,), _ = lake.engine.stage([Branch(part, next_place, keeps_order=bool(place.cluster))])
        files += written
    _check_equal(lake, table, rows, files)
    return tuple(files)


def _slices(lake: Lake, rows: nw.LazyFrame, count: int, cluster: Sequence[str]) -> Iterator[nw.LazyFrame]:
    """Yield the rows in parts that can be sorted in memory, in the order of the first column."""
    if not cluster:
        yield rows
        return
    bounds = _bounds(lake, rows, count, cluster[0])
    column = nw.col(cluster[0])
    for low, high in zip([None, *bounds], [*bounds, None], strict=True):
        part = rows
        if low is not None:
            part = part.filter(column > low)
        if high is not None:
            part = part.filter((column <= high) | column.is_null() if low is None else column <= high)
        yield part.sort(*cluster)


def _bounds(lake: Lake, rows: nw.LazyFrame, count: int, column: str) -> list[object]:
    parts = math.ceil(count / ROWS_PER_SORT)
    if parts == 1:
        return []
    values = rows.filter(~nw.col(column).is_null()).group_by(column).agg(nw.len().alias("__rows")).sort(column)
    counted = lake.engine.collect(values)
    bounds, seen = [], 0
    for value, number in counted.iter_rows():
        seen += number
        if seen >= ROWS_PER_SORT:
            bounds.append(value)
            seen = 0
    return bounds[:-1] if bounds and seen == 0 else bounds


def _check_equal(lake: Lake, table: OpenTable, rows: nw.LazyFrame, files: Sequence[StagedFile]) -> None:
    written = [DataFile(file.path, file.rows, file.partition) for file in files]
    before, after = lake.engine.collect_all([_totals(table, rows), _totals(table, lake.scan(table, written))])
    if before.rows() != after.rows():
        remove_staged(table.root, table.options, files)
        raise StagedFileError(
            "the rewritten files do not hold exactly the rows of the old ones; they were removed again.",
            where=f"{table.root}/{files[0].path}",
            fix="Nothing was changed. Check disk and memory of this machine, then run it again.",
        )


def _totals(table: OpenTable, rows: nw.LazyFrame) -> nw.LazyFrame:
    """Return row count and hash totals over every stored column, technical ones included."""
    nested = [name for name, kind in table.columns.items() if kind == REASONS_TYPE]
    rows = rows.with_columns(kit.joined_field(nw.col(name), "rule_id").alias(name) for name in nested)
    types = rows.collect_schema()
    hashed = rows.with_columns(kit.row_hash({name: types[name] for name in sorted(table.columns)}).alias(_HASH))
    return hashed.select(nw.len().cast(nw.Int64).alias("rows"), *kit.content_totals(_HASH))


def _note(
    objects: Objects,
    token: str,
    why: str,
    staged: Mapping[str, Sequence[StagedFile]],
    groups: Mapping[str, Sequence[Group]],
) -> dict[str, str]:
    """Write beside the data what is rewritten, and return what the commit keeps of it."""
    partitions = {
        partition: {
            "publishes": sorted({group.publish for group in groups[partition]}),
            "replaces": [file.path for group in groups[partition] for file in group.files],
            "files": [
                {"path": file.path, "size": file.size, "rows": file.rows, "sha256": file.sha256} for file in files
            ],
        }
        for partition, files in staged.items()
    }
    content = json.dumps({"maintenance": why, "partitions": partitions}, sort_keys=True).encode()
    objects.write(maintenance_file(token), content)
    return {"maintenance": why, "record": maintenance_file(token), "sha256": hashlib.sha256(content).hexdigest()}


def _committed(
    table: OpenTable, staged: Mapping[str, tuple[StagedFile, ...]], metadata: Mapping[str, str]
) -> Rewritten:
    base, left = table, dict(staged)
    for _ in range(ATTEMPTS):
        if not left:
            break
        files = tuple(file for written in left.values() for file in written)
        try:
            after = commit(base, Change(files, tuple(sorted(left)), table.columns, metadata))
        except PublishConflictError:
            # Publishes come first; what was staged is a left-over that the next maintenance removes.
            break
        except PartitionsMovedError:
            newest = open_table(table.root, table.options)
            base = newest or base
            left = {name: files for name, files in left.items() if base.holds_same(table, [name])}
        else:
            return Rewritten(left, tuple(sorted(staged.keys() - left)), after)
    return Rewritten({}, tuple(sorted(staged)), base)
