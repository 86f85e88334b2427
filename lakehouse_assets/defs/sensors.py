"""What watches: automation, references, incidents, run failures, delivery. Bodies hand over; none parses data.

A tick that fails leaves its cursor where it was, so the same events are read again. Every tick leaves a heartbeat.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import dagster as dg

from lakehouse_assets.defs import cursor
from lakehouse_assets.defs.arrivals import request_arrived
from lakehouse_assets.defs.failures import fact_of_freshness, facts_of_run, facts_of_success
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.logs import logs_of, watch_logs
from lakehouse_assets.defs.metadata import to_key
from lakehouse_assets.defs.outdated import observe_outdated
from lakehouse_assets.defs.rollbacks import tell_rollbacks
from lakehouse_assets.defs.stale import request_stale
from lakehouse_assets.incidents.book import track
from lakehouse_assets.incidents.channel import find_channels
from lakehouse_assets.incidents.dispatch import dispatch
from lakehouse_assets.naming import heartbeat_file
from lakehouse_assets.pipeline.absorb import absorb, routing_of, store_of
from lakehouse_assets.pipeline.stale import referring
from lakehouse_assets.storage.objects import Objects

CHECKS, FRESHNESS = dg.DagsterEventType.ASSET_CHECK_EVALUATION, dg.DagsterEventType.FRESHNESS_STATE_CHANGE
FAILURES = dg.DagsterEventType.RUN_FAILURE
AUTOMATION, REFERENCES, ARRIVALS = "automation", "references", "arrivals"
INCIDENTS, RUN_FAILURES, DISPATCHER, OUTDATED = "incidents", "run_failures", "dispatcher", "outdated"
ROLLBACKS, LOGS = "rollbacks", "logs"
_RUNNING = dg.DefaultSensorStatus.RUNNING

Tick = Callable[[dg.SensorEvaluationContext, LakeResource], str | dg.SensorResult]


def to_sensors(lake: LakeResource) -> list[dg.SensorDefinition]:
    """Return every sensor of a lake; all of them run from the start."""
    automation = dg.AutomationConditionSensorDefinition(
        AUTOMATION, target=dg.AssetSelection.all(), default_status=_RUNNING, minimum_interval_seconds=30
    )
    return [
        automation,
        *_references(lake),
        *_logs(lake),
        *_arrivals(lake),
        _sensor(INCIDENTS, watch_incidents, lake, seconds=15, text="Absorbs records, opens and closes incidents."),
        _sensor(RUN_FAILURES, watch_failures, lake, seconds=15, text="Puts runs that broke into the outbox."),
        _sensor(OUTDATED, observe_outdated, lake, seconds=60, text="Tells assets how many partitions are outdated."),
        _sensor(ROLLBACKS, tell_rollbacks, lake, seconds=30, text="Tells Dagster of tables that were rolled back."),
        _sensor(DISPATCHER, deliver, lake, seconds=15, text="Delivers what the outbox holds."),
    ]


def watch_incidents(context: dg.SensorEvaluationContext, lake: LakeResource) -> str:
    """Wake up when checks or freshness said something; what they mean comes from the records."""
    streams = (CHECKS, FRESHNESS)
    places = cursor.load(context.cursor)
    if places is None:
        context.update_cursor(cursor.dump(cursor.newest(context.instance, streams)))
        return "started: tells of what happens from now on"
    pages, behind = cursor.read(context.instance, streams, places)
    if not any(pages.values()):
        return "nothing new"
    catalog = lake.lake.catalog
    stale = (fact_of_freshness(event, catalog) for event in pages[FRESHNESS])
    facts = [*facts_of_success(pages[CHECKS], catalog), *(fact for fact in stale if fact is not None)]
    with store_of(lake.lake) as store:
        records = absorb(lake.lake, store)
        with store.transaction() as connection:
            changed = track(connection, facts, routing_of(lake.lake))
    context.update_cursor(cursor.dump(behind))
    return f"{len(records)} records absorbed, {len(changed)} incidents changed by Dagster's events"


def watch_failures(context: dg.SensorEvaluationContext, lake: LakeResource) -> str:
    """Put runs that failed for another reason than data into the outbox; delivery is the dispatcher's.

    Not a `run_failure_sensor`: that one moves on when its body raises, and the failure would never be told.
    """
    places = cursor.load(context.cursor)
    if places is None:
        context.update_cursor(cursor.dump(cursor.newest(context.instance, (FAILURES,))))
        return "started: tells of what happens from now on"
    pages, behind = cursor.read(context.instance, (FAILURES,), places)
    facts = [
        fact
        for event in pages[FAILURES]
        for fact in facts_of_run(
            context.instance, lake.lake.catalog, event.run_id, datetime.fromtimestamp(event.timestamp, UTC)
        )
    ]
    if facts:
        with store_of(lake.lake) as store, store.transaction() as connection:
            track(connection, facts, routing_of(lake.lake))
    context.update_cursor(cursor.dump(behind))
    return f"{len(pages[FAILURES])} failed runs, {len(facts)} facts"


def deliver(context: dg.SensorEvaluationContext, lake: LakeResource) -> str:
    """Send what the outbox holds."""
    del context
    with store_of(lake.lake) as store:
        done = dispatch(store, find_channels())
    return f"{done.sent} sent, {done.failed} failed"


def _references(lake: LakeResource) -> list[dg.SensorDefinition]:
    targets = [to_key(contract.table) for contract in referring(lake.lake.catalog)]
    text = "Requests partitions again whose foreign keys pointed to rows that were published since."
    return [_sensor(REFERENCES, request_stale, lake, seconds=60, text=text, targets=targets)] if targets else []


def _arrivals(lake: LakeResource) -> Iterator[dg.SensorDefinition]:
    for source in lake.lake.catalog.sources.values():
        if source.watch is not None:
            yield _sensor(
                f"{ARRIVALS}_{source.name}",
                partial(request_arrived, source=source.name),
                lake,
                seconds=int(source.watch.total_seconds()),
                text=f"Requests the partitions of {source.name} whose files have arrived.",
                targets=[to_key(table.table) for table in source.tables.values()],
            )


def _logs(lake: LakeResource) -> list[dg.SensorDefinition]:
    targets = [to_key(contract.table) for contract in logs_of(lake)]
    text = "Requests runs of tables whose log has more records; tells Dagster what was appended without it."
    return [_sensor(LOGS, watch_logs, lake, seconds=30, text=text, targets=targets)] if targets else []


def _sensor(  # one keyword for each thing a sensor differs in
    name: str, tick: Tick, lake: LakeResource, *, seconds: int, text: str, targets: list[dg.AssetKey] | None = None
) -> dg.SensorDefinition:
    def evaluate(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        said = tick(context, lake)
        beat(lake, name)
        return dg.SkipReason(said) if isinstance(said, str) else said

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=evaluate,
        description=text,
        asset_selection=targets,
        minimum_interval_seconds=seconds,
        default_status=_RUNNING,
    )


def beat(lake: LakeResource, name: str) -> None:
    """Leave a sign of life that the watchdog looks for."""
    objects = Objects(lake.lake.root, lake.lake.options)
    objects.write(heartbeat_file(name), datetime.now(UTC).isoformat().encode())
