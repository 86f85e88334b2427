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


class WorkerBlock(Block):
    """Where tables of the engine Spark are computed when Dagster runs them: a job that outlives Dagster's worker."""

    kind: Literal["emr_serverless"] = Field("emr_serverless", description="The service that runs the job.")
    application: str = Field(min_length=1, description="Id of the EMR Serverless application.")
    role: str = Field(min_length=1, description="ARN of the role the job runs as.")
    entry_point: str = Field(min_length=1, description="Address of `docker/emr/job.py`, `s3://bucket/prefix/job.py`.")
    archives: Items[str] = Field((), description="Archives the job unpacks, `s3://…/lakehouse.tar.gz#environment`.")
    messages: str = Field(min_length=1, description="`s3://bucket/prefix` through which the job tells what it does.")
    spark: dict[str, str] = Field(default={}, description="Spark settings of the job, such as sizes of executors.")
    environment: dict[str, str] = Field(default={}, description="Environment variables of the job.")
    poll: Duration = Field(timedelta(seconds=10), description="How often its state and its messages are read.")


class SparkBlock(Block):
    """Where tables of the engine Spark are computed by this process."""

    remote: str = Field("", description="Address of Spark Connect, `sc://host:15002`. Default: a JVM of this process.")
    settings: dict[str, str] = Field(default={}, description="Settings the session is opened with, by Spark's names.")


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
    statistics: Literal["columns", "none"] = Field(
        "none", description="Whether publishes of silver and gold keep statistics of their columns."
    )
    repository_url: str = Field(
        "",
        description="Where this checkout is shown, `https://github.com/acme/lake/blob/main`; checks link to its lines.",
    )
    engine: Literal["polars", "spark"] = Field(
        "polars", description="What computes silver and gold where a contract does not say."
    )
    spark: SparkBlock = Field(SparkBlock(), description="Where Spark is.")
    worker: WorkerBlock | None = Field(None, description="Where Spark's jobs run; left out: in the run itself.")
    sources: dict[str, SourceBlock] = Field(default={}, description="What differs for single sources, by name.")
