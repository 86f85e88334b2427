"""Settings of one environment: base.yaml, then <environment>.yaml, then `LAKEHOUSE_*` variables; nothing else.

Every value knows the layer that set it. Nothing is read at import. What arrives and what is promised are
sources and contracts, not settings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from lakehouse_assets.documents.blocks import Block, Duration, Items, read_block
from lakehouse_assets.documents.findings import Finding, Report, Spot, nearest, raise_errors
from lakehouse_assets.documents.interpolation import resolve
from lakehouse_assets.documents.strict_yaml import Document, Steps, read_document
from lakehouse_assets.errors import LakehouseError

PREFIX = "LAKEHOUSE_"
SELECTORS = {
    "LAKEHOUSE_ENV": "Which environment applies: a file below config/environments (default local).",
    "LAKEHOUSE_CONFIG_DIR": "Folder that holds the configuration (default config).",
}


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
    sources: Mapping[str, SourceOverlay] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.root


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
    layers = _Layers(report)
    for name in dict.fromkeys(("base", environment)):
        layers.add_file(folder, name)
    layers.add_variables(environ)
    block = layers.block() if not report.errors else None
    settings = _to_settings(block, layers, environment, folder, environ=environ) if block else None
    return settings, report.sorted()


class _Layers:
    """Values merged so far, with the place of each; later layers win key by key."""

    def __init__(self, report: Report) -> None:
        self.values: dict[str, Any] = {}
        self.spots: dict[str, Spot] = {}
        self._report = report

    def add_file(self, folder: Path, name: str) -> None:
        path = f"{folder.name}/environments/{name}.yaml"
        file = folder / "environments" / f"{name}.yaml"
        if not file.is_file():
            known = [entry.stem for entry in sorted(file.parent.glob("*.yaml")) if entry.stem != "base"]
            where = f"LAKEHOUSE_ENV={name} needs this file. " if name != "base" else "Every environment needs it. "
            self._report.add("LH210", Spot(path), "there is no such file.", where + nearest(name, known))
            return
        document = read_document(file, path, self._report)
        if document and read_block(SettingsBlock, document.data, document, (), self._report):
            self._merge(self.values, document.data, document, ())

    def _merge(self, into: dict[str, Any], data: Mapping[str, Any], document: Document, steps: tuple[str, ...]) -> None:
        for key, value in data.items():
            at = (*steps, key)
            if isinstance(value, Mapping):
                self._merge(into.setdefault(key, {}), value, document, at)
            else:
                into[key] = value
            self.spots[".".join(at)] = document.spot(at)

    def add_variables(self, environ: Mapping[str, str]) -> None:
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in SELECTORS:
                self._add_variable(name, environ[name])

    def _add_variable(self, name: str, value: str) -> None:
        spot = Spot(f"environment variable {name}")
        steps = _steps_of(name)
        if not steps:
            self._report.add("LH201", spot, "there is no such setting.", nearest(name, variable_names()))
            return
        into = self.values
        for step in steps[:-1]:
            into = into.setdefault(step, {})
        into[steps[-1]] = value
        self.spots[".".join(steps)] = spot

    def block(self) -> SettingsBlock | None:
        return read_block(SettingsBlock, self.values, _Merged(self.values, self.spots), (), self._report)

    def resolve(self, value: str, key: str, environ: Mapping[str, str]) -> str:
        try:
            return str(resolve(value, environ))
        except LakehouseError as error:
            self._report.add("LH906", self.spots.get(key, Spot("settings")), error.what, error.fix)
            return ""


@dataclass(frozen=True, slots=True)
class _Merged:
    """All layers as one document: a spot is where the winning layer set the value."""

    data: Mapping[str, Any]
    spots: Mapping[str, Spot]

    def spot(self, steps: Steps = ()) -> Spot:
        return self.spots.get(".".join(map(str, steps)), Spot("settings"))


def _steps_of(name: str) -> list[str]:
    """Return the keys that a variable sets: LAKEHOUSE_SOURCES__RETAIL__CONNECTION__LOCATION has four."""
    words = [part.lower() for part in name.removeprefix(PREFIX).split("__")]
    fields = SettingsBlock.model_fields
    found = fields.get(words[0])
    if found is None or not all(words):
        return []
    match words[0]:
        case "storage_options":
            known = len(words) == 2  # noqa: PLR2004 - the option's name
        case "staleness":
            known = len(words) == 2 and words[1] in StalenessBlock.model_fields  # noqa: PLR2004
        case "maintenance":
            known = len(words) == 2 and words[1] in MaintenanceBlock.model_fields  # noqa: PLR2004
        case "sources":
            known = len(words) == 4 and words[2] == "connection"  # noqa: PLR2004
        case _:
            known = len(words) == 1
    return [found.alias or words[0], *words[1:]] if known else []


def variable_names() -> list[str]:
    """Return every environment variable that changes a setting; `<…>` stands for a name."""
    names = [*SELECTORS]
    for key in SettingsBlock.model_fields:
        match key:
            case "storage_options":
                names.append("LAKEHOUSE_STORAGE_OPTIONS__<OPTION>")
            case "staleness":
                names += [f"LAKEHOUSE_STALENESS__{inner.upper()}" for inner in StalenessBlock.model_fields]
            case "maintenance":
                names += [f"LAKEHOUSE_MAINTENANCE__{inner.upper()}" for inner in MaintenanceBlock.model_fields]
            case "sources":
                names.append("LAKEHOUSE_SOURCES__<SOURCE>__CONNECTION__<KEY>")
            case _:
                names.append(f"{PREFIX}{key.upper()}")
    return names


def _to_settings(
    block: SettingsBlock, layers: _Layers, environment: str, folder: Path, *, environ: Mapping[str, str]
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
        sources={name: _to_overlay(name, source, layers) for name, source in block.sources.items()},
        origins={key: _origin(layers, key) for key in _keys_of(block.model_dump(by_alias=True))},
    )


def _state_folder(root: str, folder: Path, environment: str) -> Path:
    """SQLite needs a local folder, also when the lake itself lies in an object store."""
    return folder.parent / ".lake" / environment if "://" in root else Path(root)


def _to_overlay(name: str, source: SourceBlock, layers: _Layers) -> SourceOverlay:
    calendar = source.calendar.model_dump(exclude_none=True)
    spot = layers.spots.get(f"sources.{name}", Spot("settings"))
    return SourceOverlay(connection=source.connection, calendar=calendar, spot=spot)


def _origin(layers: _Layers, key: str) -> str:
    return str(layers.spots.get(key, "default"))


def _keys_of(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and (value or prefix):
            yield from _keys_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
