"""`config/performance.yaml`: how Spark is tuned, for all tables and for single ones. Speed only, never content.

What decides about content (time zone, arithmetic, timestamps) is `PARITY`, is set on every session and not here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import Field

from lakehouse_assets.documents.blocks import Block, read_block
from lakehouse_assets.documents.findings import Report, nearest
from lakehouse_assets.documents.strict_yaml import Document
from lakehouse_assets.naming import TableName

# Both engines must read the same instants, refuse the same overflows and tell the same columns apart.
PARITY: Mapping[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
_SIZE = re.compile(r"(\d{1,6})(B|KB|MB|GB)")
_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


class SparkTuningBlock(Block):
    """How Spark computes; a key that is left out is as Spark has it, or as all tables have it."""

    adaptive_execution: bool | None = Field(None, description="Whether plans are adapted to the sizes met on the way.")
    skew_joins: bool | None = Field(None, description="Whether partitions of a join that are far too large are cut.")
    broadcast_threshold: str | None = Field(
        None, description="Up to which size a side of a join is sent to everybody, such as `10MB`; `0B` for never."
    )
    shuffle_partitions: int | None = Field(None, ge=1, description="Into how many parts rows are put for joins.")
    settings: dict[str, str] = Field(default={}, description="Other settings of Spark SQL, by their names.")


class PerformanceFile(Block):
    """Keys of `config/performance.yaml`."""

    spark: SparkTuningBlock = Field(SparkTuningBlock(), description="How Spark computes, for all tables.")
    tables: dict[str, SparkTuningBlock] = Field(
        default={}, description="What differs for single tables, by full name such as `silver/orders`."
    )


@dataclass(frozen=True, slots=True)
class Performance:
    """Settings of Spark SQL for all tables, and those that single tables have besides."""

    spark: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[TableName, Mapping[str, str]] = field(default_factory=dict)

    def settings_for(self, table: TableName) -> dict[str, str]:
        """Return Spark's settings for a table."""
        return {**self.spark, **self.tables.get(table, {})}


def read_performance(document: Document | None, known: Iterable[TableName], report: Report) -> Performance:
    """Return the tuning; an absent file tunes nothing. `known` are the tables that exist."""
    block = read_block(PerformanceFile, document.data, document, [], report) if document else None
    if document is None or block is None:
        return Performance()
    names = {str(table): table for table in known}
    for name in block.tables:
        if name not in names:
            report.add("LH922", document.spot(["tables", name]), f"there is no table {name!r}.", nearest(name, names))
    every = _settings(block.spark, document, ["spark"], report)
    tables = {name: _settings(each, document, ["tables", name], report) for name, each in block.tables.items()}
    return Performance(every, {names[name]: found for name, found in tables.items() if name in names})


def _settings(block: SparkTuningBlock, document: Document, steps: list[str], report: Report) -> dict[str, str]:
    for name in block.settings:
        at = document.spot([*steps, "settings", name])
        if name in PARITY:
            report.add("LH923", at, f"{name} is always {PARITY[name]!r}.", "Both engines must give the same rows.")
        elif not name.startswith("spark.sql."):
            hint = "Write it under spark.settings of an environment: it holds for a whole session."
            report.add("LH923", at, f"{name} cannot be set for a table.", hint)
    found = {
        "spark.sql.adaptive.enabled": _word(block.adaptive_execution),
        "spark.sql.adaptive.skewJoin.enabled": _word(block.skew_joins),
        "spark.sql.shuffle.partitions": _word(block.shuffle_partitions),
    }
    if block.broadcast_threshold is not None:
        size = _SIZE.fullmatch(block.broadcast_threshold)
        if size is None:
            hint = "Write a number and a unit: 512KB, 10MB, 1GB."
            at = document.spot([*steps, "broadcastThreshold"])
            report.add("LH203", at, f"{block.broadcast_threshold!r} is no size.", hint)
        else:
            found["spark.sql.autoBroadcastJoinThreshold"] = str(int(size[1]) * _UNITS[size[2]] or -1)
    return {name: value for name, value in found.items() if value} | block.settings


def _word(value: bool | int | None) -> str:  # noqa: FBT001 - a value that is written
    return "" if value is None else str(value).lower()
