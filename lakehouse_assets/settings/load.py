"""From files and environment variables to settings; every problem at once, each with its place."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from lakehouse_assets.documents.findings import Finding, Report, Spot, raise_errors
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.settings.blocks import SettingsBlock, SourceBlock, SparkBlock, WorkerBlock
from lakehouse_assets.settings.layers import Layers
from lakehouse_assets.settings.model import Maintenance, Settings, SourceOverlay, SparkPlace, Worker


def load_settings(environ: Mapping[str, str], config_dir: Path | None = None) -> Settings:
    """Return the settings that `environ` selects; raise ConfigError with every problem at once."""
    settings, findings = read_settings(environ, config_dir)
    raise_errors(findings)
    if settings is None:
        msg = "the settings cannot be read."
        raise LakehouseError(msg)
    return settings


def read_settings(
    environ: Mapping[str, str], config_dir: Path | None = None
) -> tuple[Settings | None, tuple[Finding, ...]]:
    """Return the settings, or None, and everything found on the way."""
    folder = (config_dir or Path(environ.get("LAKEHOUSE_CONFIG_DIR", "config"))).absolute()
    environment = environ.get("LAKEHOUSE_ENV") or "local"
    report = Report()
    layers = Layers(report)
    for name in dict.fromkeys(("base", environment)):
        layers.add_file(folder, name)
    layers.add_variables(environ)
    block = layers.block() if not report.errors else None
    settings = _to_settings(block, layers, environment, folder, environ=environ) if block else None
    return settings, report.sorted()


def _to_settings(
    block: SettingsBlock, layers: Layers, environment: str, folder: Path, *, environ: Mapping[str, str]
) -> Settings:
    root = layers.resolve(block.root, "root", environ) or f".lake/{environment}"
    root = root.rstrip("/") if "://" in root else str((folder.parent / root).absolute())
    state_url = layers.resolve(block.state_url, "stateUrl", environ)
    options = {
        key: layers.resolve(value, f"storageOptions.{key}", environ) for key, value in block.storage_options.items()
    }
    return Settings(
        environment=environment,
        config_dir=folder,
        root=root,
        state_url=state_url or f"sqlite:///{_state_folder(root, folder, environment)}/state.db",
        storage_options=options,
        run_log=block.run_log,
        staleness_warn=block.staleness.warn,
        staleness_fail=block.staleness.fail,
        maintenance=Maintenance(**block.maintenance.model_dump()),
        statistics=block.statistics,
        repository_url=layers.resolve(block.repository_url, "repositoryUrl", environ).rstrip("/"),
        engine=block.engine,
        spark=_to_spark(block.spark, layers, environ),
        worker=_to_worker(block.worker, layers, environ) if block.worker else None,
        sources={name: _to_overlay(name, source, layers) for name, source in block.sources.items()},
        origins={key: _origin(layers, key) for key in _keys_of(block.model_dump(by_alias=True))},
    )


def _state_folder(root: str, folder: Path, environment: str) -> Path:
    """SQLite needs a local folder, also when the lake itself lies in an object store."""
    return folder.parent / ".lake" / environment if "://" in root else Path(root)


def _to_overlay(name: str, source: SourceBlock, layers: Layers) -> SourceOverlay:
    calendar = source.calendar.model_dump(exclude_none=True)
    spot = layers.spots.get(f"sources.{name}", Spot("settings"))
    return SourceOverlay(connection=source.connection, calendar=calendar, spot=spot)


def _to_spark(block: SparkBlock, layers: Layers, environ: Mapping[str, str]) -> SparkPlace:
    settings = {key: layers.resolve(value, f"spark.settings.{key}", environ) for key, value in block.settings.items()}
    return SparkPlace(layers.resolve(block.remote, "spark.remote", environ), settings)


def _to_worker(block: WorkerBlock, layers: Layers, environ: Mapping[str, str]) -> Worker:
    def text(value: str, key: str) -> str:
        return layers.resolve(value, f"worker.{key}", environ)

    return Worker(
        application=text(block.application, "application"),
        role=text(block.role, "role"),
        entry_point=text(block.entry_point, "entryPoint"),
        messages=text(block.messages, "messages").rstrip("/"),
        archives=tuple(text(value, "archives") for value in block.archives),
        spark={key: text(value, f"spark.{key}") for key, value in block.spark.items()},
        environment={key: text(value, f"environment.{key}") for key, value in block.environment.items()},
        poll_seconds=block.poll / timedelta(seconds=1),
    )


def _origin(layers: Layers, key: str) -> str:
    return str(layers.spots.get(key, "default"))


def _keys_of(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and (value or prefix):
            yield from _keys_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
