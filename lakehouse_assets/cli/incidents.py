"""`lakehouse incidents`: what is broken, since when, and what to do; taking one on, and sending what waits."""

import getpass
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table, to_plain
from lakehouse_assets.cli.state import current_store
from lakehouse_assets.incidents.incident import Resolution
from lakehouse_assets.settings import load_settings

if TYPE_CHECKING:
    from lakehouse_assets.incidents.incident import Event, Failing, Incident

IncidentId = Annotated[str, typer.Argument(help="An incident's id, or the beginning of it.")]

Actor = Annotated[str, typer.Option("--by", help="Who does it; default: your login name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What is broken, since when, and what to do.", no_args_is_help=True)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("acknowledge")(acknowledge)
    group.command("resolve")(resolve)
    group.command("deliver")(deliver)
    app.add_typer(group, name="incidents")


def list_all(
    table: Annotated[str | None, typer.Option(help="Only incidents of this table.")] = None,
    *,
    with_resolved: Annotated[bool, typer.Option("--all", help="Resolved incidents too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many incidents.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List incidents, the most urgent first."""
    from lakehouse_assets.incidents.book import list_incidents  # noqa: PLC0415 - start fast for --help

    with current_store() as store, store.reading() as connection:
        found = list_incidents(connection, table=table, with_resolved=with_resolved, limit=limit)
    if as_json:
        print_json(found)
    elif found:
        _print_list(found)
    else:
        console.print("No incident." if with_resolved else "No open incident.")


def show(incident_id: IncidentId, *, as_json: AsJson = False) -> None:
    """Show one incident: what to do, which partitions fail, and everything that happened."""
    from lakehouse_assets.incidents import book  # noqa: PLC0415

    with current_store() as store, store.reading() as connection:
        incident = book.find_incident(connection, incident_id)
        failing = book.failing_partitions(connection, incident.id)
        events = book.list_events(connection, incident.id)
    if as_json:
        print_json({**to_plain(incident), "partitions": _named(failing), "events": events})
    else:
        _print_incident(incident)
        _print_partitions(failing)
        _print_events(events)


def acknowledge(incident_id: IncidentId, actor: Actor = "") -> None:
    """Say that you have taken an incident on."""
    from lakehouse_assets.incidents.book import acknowledge_incident  # noqa: PLC0415

    name = actor or getpass.getuser()
    with current_store() as store, store.transaction() as connection:
        incident = acknowledge_incident(connection, incident_id, actor=name, at=datetime.now(UTC))
    console.print(f"{incident.id} is acknowledged by {name}.")


def resolve(
    incident_id: IncidentId,
    reason: Annotated[Resolution, typer.Option(help="Why it needs no more attention.")],
    actor: Actor = "",
) -> None:
    """Close an incident by hand; if its rule fails again, it reopens."""
    from lakehouse_assets.incidents.book import resolve_incident  # noqa: PLC0415
    from lakehouse_assets.incidents.channel import find_channels  # noqa: PLC0415
    from lakehouse_assets.incidents.routing import load_routing  # noqa: PLC0415

    settings = load_settings(os.environ)
    routing = load_routing(settings.config_dir, settings.environment, find_channels())
    name = actor or getpass.getuser()
    with current_store() as store, store.transaction() as connection:
        incident = resolve_incident(
            connection, incident_id, routing, resolution=reason, actor=name, at=datetime.now(UTC)
        )
    console.print(f"{incident.id} is resolved by {name}: {incident.resolution}.")


def deliver() -> None:
    """Send what waits in the outbox and is due."""
    from lakehouse_assets.incidents.channel import find_channels  # noqa: PLC0415
    from lakehouse_assets.incidents.dispatch import dispatch  # noqa: PLC0415
    from lakehouse_assets.incidents.outbox import backlog  # noqa: PLC0415

    with current_store() as store:
        done = dispatch(store, find_channels())
        with store.reading() as connection:
            left = backlog(connection)
    since = f", the oldest since {left.oldest_at:%Y-%m-%d %H:%M}" if left.oldest_at else ""
    console.print(f"{done.sent} sent, {done.failed} failed, {left.waiting} waiting{since}.")


def _named(failing: "dict[str, Failing]") -> list[dict[str, object]]:
    return [{"partition": name, **to_plain(state)} for name, state in failing.items()]


def _print_list(incidents: "tuple[Incident, ...]") -> None:
    header = ("id", "priority", "state", "table", "rule", "partitions", "failed rows", "opened", "owner")
    rows = [
        (
            *(one.id, one.priority, one.state, one.table, one.rule_id),
            *(f"{one.failing_partitions:,}", f"{one.failed_rows:,}", f"{one.opened_at:%Y-%m-%d %H:%M}", one.owner),
        )
        for one in incidents
    ]
    print_table("", header, rows)


def _print_incident(incident: "Incident") -> None:
    from lakehouse_assets.incidents.message import title_of  # noqa: PLC0415
    from lakehouse_assets.incidents.triage import ACTIONS  # noqa: PLC0415

    console.print(title_of(incident), style="bold", markup=False)
    facts = {
        "state": f"{incident.state} since {incident.updated_at:%Y-%m-%d %H:%M} UTC",
        "what": incident.message,
        "rows": f"{incident.failed_rows:,} of {incident.checked_rows:,} failed" if incident.checked_rows else "",
        "try first": ACTIONS[incident.failure_class] if incident.is_open else "",
        "runbook": incident.runbook,
        "owner": incident.owner,
        "declared in": incident.place,
        "last run": incident.run_id,
    }
    for name, text in facts.items():
        if text:
            console.print(f"{name:>12}  {text}", markup=False)
    console.print()


def _print_partitions(failing: "dict[str, Failing]") -> None:
    rows = [(name, f"{one.failed_rows:,}", f"{one.checked_rows:,}", one.run_id) for name, one in failing.items()]
    print_table("", ("partition", "failed rows", "checked rows", "run"), rows)


def _print_events(events: "tuple[Event, ...]") -> None:
    for event in events:
        by = f" by {event.actor}" if event.actor else ""
        console.print(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.type}{by}{_brief(event)}", markup=False)


def _brief(event: "Event") -> str:
    counted = {name: len(value) if isinstance(value, list) else value for name, value in event.detail.items()}
    return f": {', '.join(f'{name} {value}' for name, value in counted.items())}" if counted else ""
