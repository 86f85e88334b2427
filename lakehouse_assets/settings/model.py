"""Settings once they are read: plain values, with the layer that set each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from lakehouse_assets.documents.findings import Spot


@dataclass(frozen=True, slots=True)
class SourceOverlay:
    """Connection and calendar values of one source that this environment replaces."""

    connection: Mapping[str, str]
    calendar: Mapping[str, Any]
    spot: Spot


@dataclass(frozen=True, slots=True)
class Maintenance:
    """How long replaced files stay, and when maintenance runs by itself."""

    retention: timedelta = timedelta(days=7)
    cadence: str = ""
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Worker:
    """Where jobs run that outlive Dagster's worker. `messages` is an `s3://bucket/prefix`."""

    application: str
    role: str
    entry_point: str
    messages: str
    archives: tuple[str, ...] = ()
    spark: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    poll_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class SparkPlace:
    """Where Spark is: an address of Spark Connect, or a JVM of this process; and what a session is opened with."""

    remote: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one environment says. `origins` maps each value's dotted key to the layer that set it."""

    environment: str
    config_dir: Path
    root: str
    state_url: str
    storage_options: Mapping[str, str] = field(default_factory=dict)
    run_log: str = "stdout"
    staleness_warn: timedelta = timedelta(hours=12)
    staleness_fail: timedelta = timedelta(hours=24)
    maintenance: Maintenance = Maintenance()
    statistics: str = "none"
    repository_url: str = ""
    engine: str = "polars"
    spark: SparkPlace = SparkPlace()
    worker: Worker | None = None
    sources: Mapping[str, SourceOverlay] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.root
