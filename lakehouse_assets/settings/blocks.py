"""Keys of `config/environments/*.yaml`, as typed blocks; their descriptions become the reference."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from lakehouse_assets.documents.blocks import Block, Duration, Items


class CalendarOverlay(Block):
    """Days on which a source delivers in this environment; keys left out stay as the source file says."""

    starts: str | None = Field(None, description="First day, `2026-01-05`.")
    ends: str | None = Field(None, description="Last day, inclusive.")
    closed: Items[str] | None = Field(None, description="Weekdays and dates on which nothing arrives.")


class SourceBlock(Block):
    """What differs for one source in this environment."""

    connection: dict[str, str] = Field(default={}, description="Connection values that replace the source's.")
    calendar: CalendarOverlay = Field(CalendarOverlay(), description="Calendar values that replace the source's.")


class StalenessBlock(Block):
    """Age of the newest partition at which a table without an SLA of its own counts as stale."""

    warn: Duration = Field(timedelta(hours=12), description="Warn from this age on.")
    fail: Duration = Field(timedelta(hours=24), description="Fail from this age on.")


class MaintenanceBlock(Block):
    """What `lakehouse maintain` keeps, and when it runs by itself."""

    retention: Duration = Field(
        timedelta(days=7), description="How long what was replaced stays: rollback and readers reach back that far."
    )
    cadence: str = Field("", description="Cadence of the schedule in Dagster; left out, there is none.")
    automatic: bool = Field(default=False, description="Whether the schedule runs from the start.")


class SettingsBlock(Block):
    """Keys of `config/environments/*.yaml`."""

    root: str = Field("", description="A folder or s3://bucket/prefix. Default `.lake/<environment>`.")
    storage_options: dict[str, str] = Field(
        default={}, description="Options of the object store, such as aws_region or aws_endpoint."
    )
    state_url: str = Field("", description="SQLAlchemy URL of the state store. Default: SQLite below the root.")
    run_log: Literal["stdout", "file", "off"] = Field("stdout", description="Where run log lines go besides the store.")
    staleness: StalenessBlock = Field(StalenessBlock(), description="Default freshness limits.")
    maintenance: MaintenanceBlock = Field(MaintenanceBlock(), description="Keeping tables small.")
    sources: dict[str, SourceBlock] = Field(default={}, description="What differs for single sources, by name.")
