"""Keys of a source file, `config/sources/<source>.yaml`. Their descriptions are the reference."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lakehouse_assets.contracts.properties import CalendarBlock
from lakehouse_assets.documents.blocks import Block, Duration, Items

Character = Annotated[str, Field(max_length=1)]
Names = Annotated[Items[str], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class ReadBlock(Block):
    """`read`: how files of a table are found and read."""

    pattern: str = Field(
        description="Files of a partition, below the location; `{partition}` is its key, `*` anything."
    )
    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "excel"] = Field(
        "csv",
        description="Format of the files: `tsv` is CSV with tabs, `jsonl` one object a line, `json` one list of "
        "objects, `excel` a sheet of an .xlsx workbook.",
    )
    encoding: str = Field("utf-8", description="Encoding of text files.")
    delimiter: Character = Field(",", description="What separates fields.")
    quote: Character = Field('"', description="What encloses fields that hold delimiters.")
    escape: Character = Field("", description="What escapes a quote inside a field; default: doubling it.")
    header: bool = Field(default=True, description="Whether the first record names the columns.")
    compression: Items[Literal["gzip", "zstd"]] = Field((), description="Compressions that are accepted.")
    trim_header: bool = Field(default=False, description="Whether blanks around column names are removed.")
    max_field_bytes: int = Field(1_000_000, ge=1, description="A longer field makes its row a defect.")
    comment: str = Field("", description="Lines that begin with this are no data.")
    stable_seconds: float = Field(2.0, ge=0, description="A file younger than this is still being written.")
    success_marker: str = Field("", description="File that says a delivery is complete, such as `_SUCCESS`.")
    trailer: str = Field("", description="Shape of the last line; `{rows}` is the number of records, `*` anything.")
    final_newline: bool = Field(default=True, description="Whether a last line without an end means a cut file.")
    fields: dict[str, str] = Field(
        default={}, description="Where a column stands that is no key of its name, such as `actor_login: actor.login`."
    )
    nested: Items[str] = Field((), description="Columns of objects or lists, which are kept as JSON text.")
    sheet: str = Field("", description="Name of the sheet; default: the only one of the workbook.")
    header_row: int = Field(1, ge=1, description="Row of a sheet that names the columns; rows above it are no data.")
    merged_cells: Literal["fail", "fill", "first"] = Field(
        "fail",
        description="Merged cells below the header: refuse the file, give each cell the value, or the first one only.",
    )
    control: str = Field(
        "",
        description="File in which the source wrote what it recorded (`rows`, `sums`, `sha256`), as JSON or YAML. "
        "`{partition}` is the partition, `{file}` the path of a file that has one of its own.",
    )
    max_expansion: int = Field(
        200, ge=1, description="How many times its size a file of more than 64 MB may become; more is a bomb."
    )


class ArrivalBlock(Block):
    """`arrival`: bounds of what arrives in a partition; outside of them the partition is blocked."""

    min_rows: int = Field(1, ge=0, description="Fewest rows.")
    max_rows: int | None = Field(None, ge=0, description="Most rows.")
    max_duplicate_share: float = Field(1.0, ge=0, le=1, description="Largest share of rows equal to another one.")


class DeletesBlock(Block):
    """`deletes`: which rows say that their key is gone, for tables that keep entities."""

    column: str = Field(description="Raw column that says what kind of change a row is.")
    values: Items[str] = Field(min_length=1, description="Its values, as text, that mean a deletion.")


class ReconcileBlock(Block):
    """`reconcile`: what the source itself records of a partition; what lands must agree, and its word must be there."""

    rows: bool = Field(default=True, description="Whether it records the number of rows.")
    sums: Items[str] = Field((), description="Raw columns whose sums it records; text is read as numbers.")
    sha256: bool = Field(default=False, description="Whether it records the hash of each file; any difference counts.")
    tolerance: float = Field(0.01, ge=0, lt=1, description="Share by which rows and sums may differ.")


class TableBlock(Block):
    """One entry of `tables`: what arrives for one table."""

    columns: dict[str, str] = Field(min_length=1, description="Raw columns in order, with `text` or a type.")
    read: ReadBlock | None = Field(None, description="How files are read; only for sources of files.")
    optional_columns: Items[str] = Field((), description="Columns that may be missing.")
    unknown_columns: Literal["quarantine", "evolve", "fail", "ignore"] = Field(
        "quarantine", description="What happens to columns that are not declared."
    )
    schema_mode: Literal["on_read", "on_write"] = Field(
        "on_read",
        alias="schema",
        description="How a column that was declared later gets its values of partitions that landed before: `on_read`, "
        "silver takes them from `_unknown` and from former names; `on_write`, the partitions land again.",
    )
    renamed_from: dict[str, Names] = Field(
        default={}, description="Former names of columns, the newest first: files may still use them."
    )
    lookback: Duration = Field(timedelta(0), description="How far back partitions are asked for again.")
    load: Literal["partition", "append_once"] = Field(
        "partition",
        description="`partition`: the files of a partition replace what it held; `append_once`: each file is a batch "
        "that is added once and stays.",
    )
    arrival: ArrivalBlock = Field(ArrivalBlock(), description="Bounds of what arrives.")
    reconcile: ReconcileBlock | None = Field(
        None, description="What the source records of a partition; with `read.control`, its rows unless written here."
    )
    key: Items[str] = Field((), description="Raw columns that identify a row.")
    cursor: str = Field("", description="Raw column that orders rows in time.")
    deletes: DeletesBlock | None = Field(None, description="Which rows are deletions; left out, none is.")
    options: dict[str, Any] = Field(default={}, description="Options of the kind of source.")


class SourceFile(Block):
    """A source: where data comes from, when, and what a replay means."""

    source: str = Field(description="Name of the source; the file is called the same.")
    kind: str = Field(description="Which connector reads it.")
    description: str = Field("", description="What this is.")
    owner: str = Field("", description="Whom to ask.")
    connection: dict[str, str] = Field(
        default={}, description="Where it is. `${NAME}` and `${NAME:-default}` are environment variables."
    )
    cadence: str = Field(description="When to look: a name in `config/schedules.yaml`.")
    calendar: CalendarBlock = Field(description="Days on which the source delivers.")
    replay: Literal["exact", "state", "snapshot"] = Field(
        "exact", description="What reading a past partition again says: the same, the latest state, or nothing."
    )
    retry_policy: str = Field("fixed", description="A name in `config/retry_policies.yaml`.")
    on_error: Literal["fail-fast", "dead-letter", "retry", "skip-and-alert"] = Field(
        "dead-letter", description="What happens to input that cannot be read."
    )
    watch: Duration | None = Field(
        None, description="How often to look for files that have arrived; left out, only the cadence asks for them."
    )
    tables: dict[str, TableBlock] = Field(min_length=1, description="What arrives, by table.")
