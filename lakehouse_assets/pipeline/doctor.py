"""Examining an installation: every probe is asked, whatever the others found, and nothing is changed.

What is looked at is in `probes`, one module a subject; there is no list of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lakehouse_assets import registry
from lakehouse_assets.errors import ConfigError, LakehouseError
from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, Probe, error, of_error
from lakehouse_assets.settings import read_settings


@dataclass(frozen=True, slots=True)
class Examined:
    """A probe's name and everything it found; nothing when it could not look because settings are missing."""

    probe: str
    diagnoses: tuple[Diagnosis, ...]


def examine(environ: Mapping[str, str]) -> Iterator[Examined]:
    """Yield what each probe finds in the installation that `environ` selects, as soon as it is known."""
    settings, found = read_settings(environ)
    installation = Installation(environ, settings, found)
    for name, ask in probes().items():
        yield Examined(name, tuple(_asked(ask, installation)))


def probes() -> dict[str, Probe]:
    """Return every probe by its name."""
    found = registry.discover("lakehouse_assets.pipeline.probes", _name)
    return {name: plugin.value for name, plugin in sorted(found.items())}


def _asked(ask: Probe, installation: Installation) -> Iterator[Diagnosis]:
    try:
        yield from ask(installation)
    except ConfigError:
        # The probe of the configuration says all of it.
        return
    except LakehouseError as raised:
        if installation.read is not None:
            yield of_error(raised)
    except OSError as raised:
        what = f"could not look: {raised.strerror or type(raised).__name__}."
        yield error(what, where=str(raised.filename or ""), fix="Mend what other probes say, then look again.")


def _name(value: object) -> str | None:
    return str(getattr(value, "__module__", "")).rpartition(".")[2] if getattr(value, "is_probe", False) else None
