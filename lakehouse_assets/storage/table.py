"""A Delta table as this project reads it: one pinned version with its files, schema and publishes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.schema import ArrayType, MapType, StructType

from lakehouse_assets.contracts.model import Column, ColumnType, Kind
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.errors import LostCommitsError
from lakehouse_assets.naming import is_publish_set, publish_of
from lakehouse_assets.storage.objects import Objects, translated
from lakehouse_assets.storage.proof import require_atomic
from lakehouse_assets.storage.publish_sets import read_set
from lakehouse_assets.storage.versions import forget_versions, known_version, note_version


@dataclass(frozen=True, slots=True)
class OpenTable:
    """One version of a table. `delta` is the handle that a commit must use to be a compare-and-swap."""

    root: str
    version: int
    partition_column: str
    columns: Mapping[str, str]
    files: tuple[DataFile, ...]
    delta: DeltaTable = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def partitions(self) -> tuple[str, ...]:
        """Partition values that have been published, sorted; a published empty one is among them."""
        return tuple(sorted({file.partition for file in self.files}))

    def files_of(self, partitions: Iterable[str]) -> tuple[DataFile, ...]:
        """Return the active files of these partitions, in path order."""
        wanted = set(partitions)
        return tuple(file for file in self.files if file.partition in wanted)

    def publishes_of(self, file: DataFile) -> tuple[str, ...]:
        """Return the publishes whose rows a file holds: one, or several that maintenance put together."""
        name = publish_of(file.path)
        if name is None:
            return ()
        return read_set(Objects(self.root, self.options), name) if is_publish_set(name) else (name,)

    def holds_same(self, other: "OpenTable", partitions: Iterable[str]) -> bool:
        """Whether partitions hold the same publishes as in another version; maintenance puts them into other files."""
        wanted = tuple(partitions)
        mine, theirs = self.files_of(wanted), other.files_of(wanted)
        if mine == theirs:
            return True
        is_ours = all(publish_of(file.path) for file in (*mine, *theirs))
        # Sets of publishes lie beside the table, so either version can read those of the other.
        published = (
            {(file.partition, n) for file in files for n in self.publishes_of(file)} for files in (mine, theirs)
        )
        return is_ours and len({frozenset(each) for each in published}) == 1

    def publishes_by_partition(self) -> dict[str, tuple[str, ...]]:
        """Return the publishes that each partition's active files belong to."""
        found: dict[str, set[str]] = {}
        for file in self.files:
            for name in self.publishes_of(file):
                found.setdefault(file.partition, set()).add(name)
        return {partition: tuple(sorted(names)) for partition, names in found.items()}


def open_table(root: str, options: Mapping[str, str], version: int | None = None) -> OpenTable | None:
    """Open a table at a version (default: the newest), or return None when it does not exist.

    Raises LostCommitsError when the log ends before a version that is known to have been published.
    """
    known = known_version(root, options) if version is None else None
    with translated(root):
        try:
            delta = DeltaTable(root, version=version, storage_options=dict(options) or None)
        except TableNotFoundError:
            _check_known(root, None, known)
            return None
        _check_known(root, delta.version(), known)
        _check_newest_commit(root, options, delta)
        return _opened(root, delta, options)


def create_table(
    root: str, options: Mapping[str, str], columns: Mapping[str, str], *, partition_column: str, description: str
) -> OpenTable:
    """Create an empty table, or open it when another run was first. `columns` maps names to Delta types."""
    require_atomic(root, options)
    with translated(root):
        try:
            delta = DeltaTable.create(
                root,
                schema=delta_schema(columns),
                mode="ignore",
                partition_by=[partition_column],
                description=description[:1000],
                storage_options=dict(options) or None,
                # A retry would write the schema again, over columns that somebody added meanwhile.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except CommitFailedError:
            # Another run created it between the look and the commit.
            delta = DeltaTable(root, storage_options=dict(options) or None)
        note_version(root, options, delta.version())
        return _opened(root, delta, options)


def accept_loss(root: str, options: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Go on with what is left of a log whose last commits are lost; return the last known version and the newest left.

    Empty entries at the end of the log are removed; data files and records stay.
    """
    known = known_version(root, options)
    newest = _newest_whole(root, options)
    forget_versions(root, options, above=-1 if newest is None else newest)
    if newest is not None:
        note_version(root, options, newest)
    return known, newest


def _newest_whole(root: str, options: Mapping[str, str]) -> int | None:
    objects = Objects(root, options)
    while True:
        with translated(root):
            try:
                version = DeltaTable(root, storage_options=dict(options) or None).version()
            except TableNotFoundError:
                return None
        if objects.size(_entry(version)) != 0:
            return version
        objects.delete([_entry(version)])


def delta_schema(columns: Mapping[str, str]) -> Schema:
    """Return a schema of nullable columns; nullability is a rule here, never a constraint of the format."""
    import json  # noqa: PLC0415 - only where a schema is made

    fields = [{"name": n, "type": _delta_json(t), "nullable": True, "metadata": {}} for n, t in columns.items()]
    return Schema.from_json(json.dumps({"type": "struct", "fields": fields}))


def delta_type(column_type: ColumnType) -> str:
    """Return the Delta name of a contract type."""
    return str(column_type) if column_type.kind is Kind.DECIMAL else column_type.kind.value


def delta_columns(columns: Iterable[Column]) -> dict[str, str]:
    """Return names and Delta types of promised columns."""
    return {column.name: delta_type(column.type) for column in columns}


_ACCEPT = (
    "Nothing is read or written until somebody decides: restore the newest files of `_delta_log` from a backup; or go "
    "on with what is left, `lakehouse rollback <table> --accept-loss`, and run the newest partitions again."
)
REASONS_TYPE = "reasons"
REASON_FIELDS = ("rule_id", "fingerprint", "column", "dimension", "severity")


def _delta_json(name: str) -> Any:  # noqa: ANN401 - a JSON fragment of the Delta protocol
    if name != REASONS_TYPE:
        return name
    fields = [{"name": n, "type": "string", "nullable": True, "metadata": {}} for n in REASON_FIELDS]
    return {"type": "array", "elementType": {"type": "struct", "fields": fields}, "containsNull": True}


def _opened(root: str, delta: DeltaTable, options: Mapping[str, str]) -> OpenTable:
    partition_column = delta.metadata().partition_columns[0]
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    value = pl.col(f"partition.{partition_column}").cast(pl.String)
    rows = actions.select("path", pl.col("num_records").fill_null(0), value, "size_bytes").sort("path").rows()
    files = tuple(DataFile(unquote(path), count, partition, size) for path, count, partition, size in rows)
    columns = {name: str(kind) for name, kind in _columns(delta).items()}
    return OpenTable(root, delta.version(), partition_column, columns, files, delta, dict(options))


def _check_known(root: str, version: int | None, known: int | None) -> None:
    if known is None or (version is not None and version >= known):
        return
    left = "its log is gone" if version is None else f"its log ends at version {version}"
    raise LostCommitsError(f"version {known} of the table was published, but {left}.", where=root, fix=_ACCEPT)


def _check_newest_commit(root: str, options: Mapping[str, str], delta: DeltaTable) -> None:
    # Delta reads an empty last entry as "nothing happened": a rollback that nobody would notice.
    if Objects(root, options).size(_entry(delta.version())) == 0:
        what = f"the newest entry of the Delta log, version {delta.version()}, is empty."
        raise LostCommitsError(what, where=root, fix=_ACCEPT)


def _entry(version: int) -> str:
    return f"_delta_log/{version:020}.json"


def _columns(delta: DeltaTable) -> dict[str, str]:
    # The one nested column there is; every other type is a word.
    nested = (ArrayType, MapType, StructType)
    return {
        field.name: REASONS_TYPE if isinstance(field.type, nested) else field.type.type
        for field in delta.schema().fields
    }
