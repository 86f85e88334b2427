"""The `lakehouse.*` custom properties: one model per level of a contract. Their descriptions are the reference.

Checks that need more than the property itself are in `lint` and `lineage`.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lakehouse_assets.documents.blocks import Block, Duration, Items

Share = Annotated[float, Field(ge=0, le=1)]


def _null_is_a_word(value: object) -> object:
    return "null" if value is None else value


class CalendarBlock(Block):
    """Days that are partitions."""

    starts: str = Field(description="First day, `2026-01-05`.")
    ends: str | None = Field(None, description="Last day, inclusive; left out, the table goes on.")
    closed: Items[str] = Field((), description="Weekdays (`saturday`) and dates that are no partitions.")
    timezone: str = Field("UTC", description="Zone in which the source counts days.")
    holidays: Items[str] = Field(
        (), description="Days that are partitions but like no other: nothing is compared with them."
    )
    month_ends: bool = Field(
        default=False, description="Whether the last day of a month is compared with other month ends only."
    )
    hourly: bool = Field(default=False, description="Whether each hour (UTC) of a day is a partition, not the day.")


class LoadBlock(Block):
    """`lakehouse.load`: which partitions a run replaces, and by which rows."""

    mode: str = Field(
        "partition",
        description="`partition` replaces the run's partitions, `snapshot` the whole table; "
        "`derived` keeps a change log and derives one row per key from it.",
    )
    partition_column: str = Field("", description="Silver: `_proc_date`. Gold: a required date column of the table.")
    event_time: str = Field("", description="Column whose date places a row on a business date.")
    keys: Items[str] = Field((), description="At most one row per key is published in a partition.")
    sequence_by: str = Field("", description="Column that says which version of a key is newest.")
    duplicates: Literal["keep_newest", "quarantine"] = Field(
        "keep_newest", description="What happens to several rows of one key."
    )
    identical_rows: Literal["drop", "keep"] = Field(
        "drop", description="Whether rows equal in all source columns are repeats or real."
    )
    lateness: Duration = Field(timedelta(0), description="How long after its date a row may arrive, such as `2d`.")
    partitions_per_chunk: int = Field(31, ge=1, le=10_000, description="Partitions computed and published together.")
    history: Literal["none", "scd2", "scd4", "scd6"] = Field(
        "none",
        description="Derived only. `scd2`: versions instead of one row per key; `scd6`: versions that also hold "
        "today's values; `scd4`: one row per key, and its versions in `<table>_history`.",
    )
    tracked: Items[str] = Field(
        (), description="Columns whose change makes a new version; left out, all but keys and sequenceBy."
    )
    soft_deletes: bool = Field(
        default=False, description="Derived only. Whether deleted keys stay, with `is_deleted` and `deleted_at`."
    )
    buckets: int = Field(
        1,
        ge=1,
        le=4096,
        description="Derived only. Parts of the table that are rewritten separately; 1 for small ones.",
    )


class GateBlock(Block):
    """`lakehouse.publishGate`: when a partition keeps its previous version."""

    max_quarantine_ratio: Share = Field(1.0, description="Largest share of rows that may be quarantined.")
    min_rows: int = Field(0, ge=0, description="Fewest rows of a partition.")
    empty_partition: Literal["allow", "warn", "fail"] = Field(
        "fail", description="What a partition without rows means."
    )


class ConsumerBlock(Block):
    """One entry of `lakehouse.consumers`: who reads the table."""

    name: str = Field(min_length=1, description="Name of the reader.")
    kind: Literal["team", "dashboard", "model", "export"] = Field(description="What the reader is.")
    access: Literal["read", "write"] = Field("read", description="What it may do.")
    columns: Items[str] = Field((), description="Columns it reads; left out, all of them.")


class ParseBlock(Block):
    """`lakehouse.parse`: how raw text becomes a value."""

    formats: Items[str] = Field((), description="Chrono patterns tried in order, such as `%Y-%m-%d %H:%M:%S`.")
    nulls: Items[str] = Field((), description="Texts that mean null.")
    lossless_integer: bool = Field(default=False, description="Whether `1.0` is the integer 1.")
    decimal_comma: bool = Field(default=False, description="Whether `1.234,56` is 1234.56.")
    trim: bool = Field(default=False, description="Whether blanks around the text are removed first.")
    timezone: str = Field("UTC", description="Zone of timestamps without an offset.")
    empty: Annotated[Literal["null", "value"], BeforeValidator(_null_is_a_word)] = Field(
        "null", description="Whether empty text is `null` or a `value`."
    )


class MaskingBlock(Block):
    """`lakehouse.masking`: what people without access see."""

    strategy: Literal["redact", "email", "last_four", "year", "token"] = Field(description="How the value is hidden.")


class ErasureBlock(Block):
    """`lakehouse.erasure`: how the rows of one subject are found and what happens to the value."""

    subject_key: str = Field(description="Column that identifies the subject.")
    action: Literal["redact", "delete"] = Field(description="Empty the value, or delete the row.")


class ContractProperties(Block):
    """Properties at the top of a contract."""

    tier: Literal[1, 2, 3] = Field(3, description="1 wakes people up and needs a runbook; 3 is the default.")
    breaking_change_policy: Literal["notify-30-days", "version-bump", "never-break"] = Field(
        "version-bump", description="What consumers are promised about breaking changes."
    )
    runbook: str = Field("", description="Address of the runbook; default `docs/runbooks/<table>.md`.")


class TableProperties(Block):
    """Properties of the table (`schema[0].customProperties`)."""

    load: LoadBlock = Field(LoadBlock(), description="How the table is loaded.")
    publish_gate: GateBlock = Field(GateBlock(), description="When a partition is blocked.")
    consumers: Items[ConsumerBlock] = Field((), description="Who reads the table.")
    engine: Literal["polars", "spark"] | None = Field(
        None, description="Engine that computes the table; default: that of the environment."
    )
    cluster: Items[str] = Field(
        (),
        description="Columns by which maintenance sorts each partition; filters on the first one read less.",
    )
    max_runtime: int = Field(30, ge=1, le=1440, description="Minutes a run may take.")
    automation_window: Duration | None = Field(None, description="How far back automation looks; default: all.")
    calendar: CalendarBlock | None = Field(None, description="Partitions of a gold table; default: its upstream's.")


class ColumnProperties(Block):
    """Properties of a column."""

    parse: ParseBlock = Field(ParseBlock(), description="How raw text becomes a value.")
    masking: MaskingBlock | None = Field(None, description="How the column is hidden.")
    erasure: ErasureBlock | None = Field(None, description="How a subject's values are erased.")
    renamed_from: str = Field("", description="Name the column had in earlier versions.")
    scd_type: Literal[0, 1, 2, 3] | None = Field(
        None,
        description="Of an entity's column: 0 keeps the first value, 1 the newest everywhere, 2 makes a new version, "
        "3 the newest and the one before it in `previous_<column>`.",
    )


class ExampleBlock(Block):
    """`lakehouse.example`: rows by which a rule is proven to reject what it should (`lakehouse contract test`)."""

    failing: Items[dict[str, Any]] = Field(
        (), description="Rows that break the rule: their columns by name, the others are filled in."
    )
    passing: Items[dict[str, Any]] = Field((), description="Rows that are fine, where the values drawn are not.")


class RuleProperties(Block):
    """Properties of a quality entry."""

    on_failure: Literal["keep", "quarantine", "block"] | None = Field(
        None, description="What happens to the data; default by severity and kind of rule."
    )
    scope: Literal["partition", "table"] = Field(
        "partition",
        description="Whether the rule looks at one partition or at the whole table; the latter only alerts.",
    )
    example: ExampleBlock | None = Field(
        None, description="Rows for `lakehouse contract test`, where it cannot make its own."
    )


class ReferenceProperties(Block):
    """Properties of a relationship."""

    on_failure: Literal["keep", "quarantine", "block"] | None = Field(
        None, description="What happens to a row that points to nothing; default: it is quarantined."
    )
    nulls: Literal["allow", "refuse"] = Field(
        "allow", description="Whether a row without a value points to nothing, which is fine, or breaks the rule."
    )
