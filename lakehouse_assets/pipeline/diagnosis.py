"""What an examination is made of: the installation, probes that look at one side of it, and what they find.

A probe is a function marked with `@probe` in a module of `probes`; `doctor` finds and asks them all. It leaves the
installation as it was.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lakehouse_assets.documents.codes import Level
from lakehouse_assets.documents.findings import Finding
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing a probe found out; INFO says that something is as it should be."""

    level: Level
    what: str
    where: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Installation:
    """What is examined. `found` is what reading the settings found; without settings there is no lake to look at."""

    environ: Mapping[str, str]
    read: Settings | None
    found: tuple[Finding, ...] = ()

    @property
    def settings(self) -> Settings:
        """The settings; raises LakehouseError when they could not be read."""
        if self.read is None:
            raise LakehouseError("the settings cannot be read.", fix="See the findings of `configuration`.")
        return self.read

    @cached_property
    def folder(self) -> Path | None:
        """The lake's folder, if it is one and it exists."""
        path = Path(self.settings.root)
        return path if self.settings.is_local and path.is_dir() else None


Probe = Callable[[Installation], Iterator[Diagnosis]]


def probe(function: Probe) -> Probe:
    """Mark a function as one that `lakehouse doctor` asks; its module's name is the probe's."""
    function.is_probe = True  # type: ignore[attr-defined]
    return function


def fine(what: str, where: str = "") -> Diagnosis:
    """Say that something is as it should be."""
    return Diagnosis(Level.INFO, what, where)


def warning(what: str, *, where: str = "", fix: str) -> Diagnosis:
    """Say what works today and may not tomorrow."""
    return Diagnosis(Level.WARNING, what, where, fix)


def error(what: str, *, where: str = "", fix: str) -> Diagnosis:
    """Say what keeps runs from working, or from being right."""
    return Diagnosis(Level.ERROR, what, where, fix)


def of_error(raised: LakehouseError) -> Diagnosis:
    """Say what an error of ours says."""
    return Diagnosis(Level.ERROR, raised.what, raised.where, raised.fix)
