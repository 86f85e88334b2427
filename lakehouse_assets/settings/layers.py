"""Layers of settings merged key by key, files first and environment variables last; every value knows its layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse_assets.documents.blocks import read_block
from lakehouse_assets.documents.findings import Report, Spot, nearest
from lakehouse_assets.documents.interpolation import resolve
from lakehouse_assets.documents.strict_yaml import Document, Steps, read_document
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.settings.blocks import MaintenanceBlock, SettingsBlock, StalenessBlock

PREFIX = "LAKEHOUSE_"
SELECTORS = {
    "LAKEHOUSE_ENV": "Which environment applies: a file below config/environments (default local).",
    "LAKEHOUSE_CONFIG_DIR": "Folder that holds the configuration (default config).",
}


class Layers:
    """Values merged so far, with the place of each; later layers win key by key."""

    def __init__(self, report: Report) -> None:
        self.values: dict[str, Any] = {}
        self.spots: dict[str, Spot] = {}
        self._report = report

    def add_file(self, folder: Path, name: str) -> None:
        """Add one file of environments; one that is not there is a finding."""
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
        """Add every `LAKEHOUSE_*` variable; one that sets nothing is a finding."""
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
        """Return all layers as one block; None and findings when they are not one."""
        return read_block(SettingsBlock, self.values, _Merged(self.values, self.spots), (), self._report)

    def resolve(self, value: str, key: str, environ: Mapping[str, str]) -> str:
        """Return a text with its references to variables replaced; empty and a finding when one is not set."""
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
        case "spark":
            known = words[1:] == ["remote"]
        case "worker":
            known = False  # its texts name variables themselves
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
            case "spark":
                names.append("LAKEHOUSE_SPARK__REMOTE")
            case "worker":
                continue
            case "sources":
                names.append("LAKEHOUSE_SOURCES__<SOURCE>__CONNECTION__<KEY>")
            case _:
                names.append(f"{PREFIX}{key.upper()}")
    return names
