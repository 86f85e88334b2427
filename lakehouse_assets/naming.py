"""Every name on disk, in Dagster and in the state store comes from here, and from nowhere else.

What belongs here: table names, folders, file names, technical column names, checks of keys.
What does not: reading or writing any of them (`storage`), naming rules for contracts (`contracts`).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from lakehouse_assets.errors import LakehouseError

LAYERS = ("bronze", "silver", "gold")
SIDE_TABLES = ("quarantine", "blocked", "dead_letters", "system")

PROC_DATE = "_proc_date"
BUCKET = "_bucket"
ROW_ID = "_row_id"
RAW_HASH = "_raw_hash"
SOURCE_OBJECT = "_source_object"
DEFECT = "_defect"
DEFECT_LINE = "_line"
UNKNOWN = "_unknown"
DELETED = "_deleted"

VALID_FROM, VALID_TO, IS_CURRENT = "valid_from", "valid_to", "is_current"
IS_DELETED, DELETED_AT = "is_deleted", "deleted_at"

BRONZE_COLUMNS = (ROW_ID, RAW_HASH, SOURCE_OBJECT, DEFECT, DEFECT_LINE, UNKNOWN, PROC_DATE)
SNAPSHOT_PARTITION = "0"
# Positions of a log in a row id, so that their order is that of text.
LOG_DIGITS = 19
META_FOLDER = "_lakehouse"
BACKFILLS_FOLDER = f"{META_FOLDER}/backfills"
VERSIONS_FOLDER = f"{META_FOLDER}/versions"
PINS_FOLDER, SETS_FOLDER, RELEASES_FOLDER = f"{META_FOLDER}/pins", f"{META_FOLDER}/sets", f"{META_FOLDER}/releases"
ROLLBACKS_FOLDER = f"{META_FOLDER}/rollbacks"
PAGES_FOLDER = f"{META_FOLDER}/pages"
STAGING_FOLDER = f"{META_FOLDER}/staging"
STATISTICS_FOLDER = f"{META_FOLDER}/statistics"
RUN_LOG_FOLDER = "run_log"
PROOF_FILE = f"{META_FOLDER}/store.json"
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"

_KEY = re.compile(r"[A-Za-z0-9_.:=+\-]{1,128}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_STAGED = re.compile(
    r"(?:stg|mnt-(?P<layout>[0-9a-f]{8})-[0-9a-f]{8})-(?P<publish>[A-Za-z0-9-]+)-(?P<number>[0-9]{5})\.parquet"
)
_SET = re.compile(r"set[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table of the lake: `bronze/<source>/<table>`, `silver/<table>`, `gold/<table>` or a side table."""

    layer: str
    path: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `silver/orders` or `silver.orders`; raise LakehouseError on any other shape."""
        layer, *path = text.replace(".", "/").split("/")
        if not path or not all(_NAME.fullmatch(part) for part in path):
            raise LakehouseError(
                f"{text!r} is not a table name.",
                fix="Write `bronze/<source>/<table>`, `silver/<table>` or `gold/<table>`.",
            )
        return cls(layer, tuple(path))

    @property
    def short(self) -> str:
        """The last part: `orders` of `silver/orders`."""
        return self.path[-1]

    @property
    def parts(self) -> tuple[str, ...]:
        """Layer and path, which is also the Dagster asset key."""
        return (self.layer, *self.path)

    def __str__(self) -> str:
        return "/".join(self.parts)


def bronze(source: str, table: str) -> TableName:
    """Return the table that `source` lands `table` in."""
    return TableName("bronze", (source, table))


def changes_of(entity: TableName) -> TableName:
    """Return the change log of an entity."""
    return TableName(entity.layer, (*entity.path[:-1], f"{entity.short}_changes"))


def history_of(entity: TableName) -> TableName:
    """Return the table of an entity's versions, where there is one beside the current one."""
    return TableName(entity.layer, (*entity.path[:-1], f"{entity.short}_history"))


def surrogate_key_of(entity: TableName) -> str:
    """Return the column that identifies one version of one key."""
    return f"{entity.short}_sk"


def previous_of(column: str) -> str:
    """Return the column with the value before the latest change."""
    return f"previous_{column}"


def current_of(column: str) -> str:
    """Return the column with the value that holds today, beside the one that held then."""
    return f"current_{column}"


def quarantine_of(table: TableName) -> TableName:
    """Return the table that keeps rows which `table` refused; `quarantine/silver/orders`."""
    return TableName("quarantine", table.parts)


def blocked_of(table: TableName) -> TableName:
    """Return the table that keeps the bad rows of partitions which `table` refused whole."""
    return TableName("blocked", table.parts)


def dead_letters_of(source: str, table: str) -> TableName:
    """Return the table that keeps input of a source's table that could not become rows."""
    return TableName("dead_letters", (source, table))


def is_name(text: str) -> bool:
    """Whether `text` may name a source, table or column folder: lower-case words joined by `_`."""
    return bool(_NAME.fullmatch(text))


def is_partition_key(text: str) -> bool:
    """Whether `text` may be a partition value (see `docs/conventions.md`)."""
    return bool(_KEY.fullmatch(text)) and text != NULL_FOLDER


def partition_folder(column: str, value: str) -> str:
    """Return the hive folder of a partition value; Polars reads partition values from it."""
    return f"{column}={quote(value, safe='')}"


def publish_id(run_id: str, chunk: int, attempt: str) -> str:
    """Return the id of one publish. `attempt` is never used twice: a retry must not write over published files."""
    run = re.sub(r"[^A-Za-z0-9]", "", run_id)[:32] or "run"
    return f"{run}-{chunk:04d}-{attempt}"


def staged_file(publish: str, number: int, prefix: str = "stg") -> str:
    """Return the name of the `number`-th file of a publish inside its partition folder."""
    return f"{prefix}-{publish}-{number:05d}.parquet"


def staging_folder(publish: str, token: str) -> str:
    """Return where Spark writes before files get their names, relative to its table's folder."""
    return f"{STAGING_FOLDER}/{publish}-{token}"


def rewritten_prefix(layout: str, token: str) -> str:
    """Return what names of files begin with that maintenance rewrote; `layout` says how rows lie in them."""
    return f"mnt-{layout}-{token}"


def publish_of(file_path: str) -> str | None:
    """Return the publish whose rows a data file holds (or a set of them), or None for a file that is not ours."""
    match = _STAGED.fullmatch(file_path.rsplit("/", 1)[-1])
    return match["publish"] if match else None


def layout_of(file_path: str) -> str | None:
    """Return how rows lie in a file that maintenance rewrote, or None for one that a publish staged."""
    match = _STAGED.fullmatch(file_path.rsplit("/", 1)[-1])
    return match["layout"] if match else None


def renumbered_file(file_path: str, taken: Collection[str]) -> str:
    """Return the path of a data file with the next number that is free, for another file of the same publishes."""
    head, number = file_path[:-13], int(file_path[-13:-8])
    numbers = (f"{head}{free:05d}.parquet" for free in range(number + 1, 100_000))
    return next(path for path in numbers if path not in taken)


def is_publish_set(publish: str) -> bool:
    """Whether a file's publish stands for several; a publish has dashes in its name."""
    return bool(_SET.fullmatch(publish))


def publish_set_file(name: str) -> str:
    """Return the list of publishes that a set stands for, relative to its table's folder."""
    return f"{SETS_FOLDER}/{name}.json"


def record_file(publish: str) -> str:
    """Return the record of a publish, relative to its table's folder."""
    return f"{META_FOLDER}/{publish}.json.zst"


def statistics_file(partition: str, content_hash: str) -> str:
    """Return the statistics of a partition's content, relative to its table's folder."""
    return f"{STATISTICS_FOLDER}/{quote(partition, safe='')}/{content_hash}.zst"


def publish_of_record(path: str) -> str:
    """Return the publish that a record is about, from the record's path."""
    return path.rsplit("/", 1)[-1].removesuffix(".json.zst")


def pin_file(publish: str) -> str:
    """Return the pins of one publish, relative to its table's folder."""
    return f"{PINS_FOLDER}/{publish}.json"


def maintenance_file(token: str) -> str:
    """Return what a rewrite by maintenance says it did, relative to its table's folder."""
    return f"{META_FOLDER}/maintenance/{token}.json"


def release_file(name: str) -> str:
    """Return the version that a release keeps, relative to its table's folder."""
    return f"{RELEASES_FOLDER}/{name}.json"


def version_marker(version: int) -> str:
    """Return the sign that a version of a table exists, relative to the table's folder."""
    return f"{VERSIONS_FOLDER}/{version:020}"


def backfill_file(backfill_id: str, kind: str) -> str:
    """Return what is kept of a backfill, `json` or `md`, relative to the lake's root."""
    return f"{BACKFILLS_FOLDER}/{backfill_id}.{kind}"


def rollback_batch(publish: str) -> str:
    """Return the app-transaction that says that a rollback was committed."""
    return f"rollback-{publish}"


def rollback_notice(publish: str) -> str:
    """Return the notice of a rollback that Dagster has not heard of, relative to the lake's root."""
    return f"{ROLLBACKS_FOLDER}/{publish}"


def heartbeat_file(name: str) -> str:
    """Return the sign of life of a sensor, relative to the lake's root."""
    return f"{META_FOLDER}/heartbeats/{name}.txt"


def probe_file(name: str) -> str:
    """Return an object that a look at the store makes and removes again, relative to the lake's or table's folder."""
    return f"{META_FOLDER}/probes/{name}"
