"""Maintenance in Dagster: one job with one step for all tables, and a schedule by the cadence that the settings name.

Doing it is the pipeline's verb; the job is off in an environment until its settings, or a person, switch it on.
"""

import dagster as dg

from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.errors import LakehouseError, LeaseHeldError, StorageError
from lakehouse_assets.pipeline.lake import Lake

JOB, SCHEDULE = "maintenance", "maintenance_schedule"


def to_maintenance(lake: LakeResource) -> tuple[list[dg.JobDefinition], list[dg.ScheduleDefinition]]:
    """Return the job, and its schedule when the settings name a cadence."""
    job = _to_job(lake.lake)
    settings, cadences = lake.lake.settings.maintenance, lake.lake.catalog.cadences
    if not settings.cadence:
        return [job], []
    if settings.cadence not in cadences:
        raise LakehouseError(
            f"there is no cadence {settings.cadence!r}.",
            where=lake.lake.settings.origins.get("maintenance.cadence", "settings"),
            fix=f"config/schedules.yaml has {', '.join(cadences)}.",
        )
    cadence = cadences[settings.cadence]
    status = dg.DefaultScheduleStatus.RUNNING if settings.automatic else dg.DefaultScheduleStatus.STOPPED
    schedule = dg.ScheduleDefinition(
        name=SCHEDULE,
        job=job,
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        default_status=status,
        description="Keeps tables small.",
    )
    return [job], [schedule]


def _to_job(lake: Lake) -> dg.JobDefinition:
    @dg.op(name="maintain", description="Compacts, sorts and cleans every table; tables others work on are left out.")
    def maintain_tables(context: dg.OpExecutionContext) -> None:
        _maintain(lake, context)

    @dg.job(name=JOB, description="Keeps tables small: few files, sorted rows, nothing that nobody needs.")
    def maintenance() -> None:
        maintain_tables()

    return maintenance


def _maintain(lake: Lake, context: dg.OpExecutionContext) -> None:
    from lakehouse_assets.pipeline.upkeep.maintain import maintain  # noqa: PLC0415 - only where maintenance runs

    failed = []
    for table in lake.catalog.contracts:
        try:
            for step in maintain(lake, table):
                context.log.info("%s: %s, %d files", step.table, step.what, step.files)
        except LeaseHeldError as error:
            context.log.info("left out: %s", error)
        except StorageError as error:
            # One damaged table must not keep the others from being maintained.
            context.log.warning("%s", error)
            failed.append(str(table))
    if failed:
        raise dg.Failure(f"{len(failed)} tables could not be maintained: {', '.join(failed)}. Their data is untouched.")
