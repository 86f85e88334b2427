"""`lakehouse settings`: every value of this environment and the layer that set it; secrets are masked."""

import os
import re
from collections.abc import Mapping
from typing import Any

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table, to_plain
from lakehouse_assets.documents.blocks import duration_text
from lakehouse_assets.settings import Settings, Worker, load_settings

MASK = "***"
_SECRET = re.compile(
    r"secret|password|token|passphrase|(?:access|account|private|sas|api)_?key(?!_id)|credential", re.IGNORECASE
)
# Of Spark Connect: sc://host:15002/;token=….
_URL_TOKEN = re.compile(r"(?P<name>;token=)[^;]*", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?P<user>://[^:/@\s]*:)[^@/\s]+@")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("settings")(show_settings)


def show_settings(*, as_json: AsJson = False) -> None:
    """Show each setting and where it was set."""
    settings = load_settings(os.environ)
    rows = shown(settings)
    if as_json:
        print_json({"environment": settings.environment, "settings": rows})
        return
    console.print(f"environment [bold]{settings.environment}[/bold], configuration in {settings.config_dir}\n")
    print_table("", ("setting", "value", "set by"), [(row["name"], row["value"], row["origin"]) for row in rows])


def shown(settings: Settings) -> list[dict[str, Any]]:
    """Return name, value and origin of every setting, without secrets."""
    values: dict[str, Any] = {
        "root": settings.root,
        "stateUrl": settings.state_url,
        "runLog": settings.run_log,
        "staleness.warn": duration_text(settings.staleness_warn),
        "staleness.fail": duration_text(settings.staleness_fail),
        "maintenance.retention": duration_text(settings.maintenance.retention),
        "maintenance.cadence": settings.maintenance.cadence,
        "maintenance.automatic": settings.maintenance.automatic,
        "statistics": settings.statistics,
        "repositoryUrl": settings.repository_url,
        "engine": settings.engine,
        "spark.remote": settings.spark.remote,
        **{f"spark.settings.{key}": value for key, value in settings.spark.settings.items()},
        **{f"storageOptions.{key}": value for key, value in settings.storage_options.items()},
        **(_of_worker(settings.worker) if settings.worker else {}),
    }
    for name, overlay in settings.sources.items():
        values |= {f"sources.{name}.connection.{key}": value for key, value in overlay.connection.items()}
        values |= {f"sources.{name}.calendar.{key}": to_plain(value) for key, value in overlay.calendar.items()}
    return [_row(name, value, settings.origins) for name, value in values.items()]


def _of_worker(worker: Worker) -> dict[str, Any]:
    return {
        "worker.application": worker.application,
        "worker.role": worker.role,
        "worker.entryPoint": worker.entry_point,
        "worker.messages": worker.messages,
        "worker.archives": ", ".join(worker.archives),
        **{f"worker.spark.{key}": value for key, value in worker.spark.items()},
        **{f"worker.environment.{key}": value for key, value in worker.environment.items()},
        "worker.poll": f"{worker.poll_seconds:g}s",
    }


def masked(name: str, value: object) -> object:
    """Return a value as it may be printed: not at all when its name says secret, URLs without their password."""
    if _SECRET.search(name.rpartition(".")[2]):
        return MASK
    if not isinstance(value, str):
        return value
    return _URL_TOKEN.sub(rf"\g<name>{MASK}", _URL_PASSWORD.sub(rf"\g<user>{MASK}@", value))


def _row(name: str, value: object, origins: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "value": masked(name, value), "origin": origins.get(name, "default")}
