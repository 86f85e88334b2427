"""What keeps versions alive: pins, the upstream versions one step reads, written before it stages; and releases.

A pin counts while its file is younger than the retention, which is longer than any run may take; a release until
somebody removes it. Nothing here decides what may go: that is the pipeline's.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import PINS_FOLDER, RELEASES_FOLDER, pin_file, release_file
from lakehouse_assets.storage.objects import Entry, Objects

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a table that somebody relies on: a report that was signed, a model that was trained."""

    name: str
    version: int
    files: frozenset[str]


def write_pins(objects: Objects, publish: str, versions: Mapping[str, int]) -> None:
    """Remember which version of each upstream a publish of this table reads."""
    objects.write(pin_file(publish), json.dumps(dict(versions), sort_keys=True).encode())


def list_pins(objects: Objects) -> list[Entry]:
    """Return the pins that steps of this table left, finished ones included."""
    return objects.entries(PINS_FOLDER)


def read_pins(objects: Objects, path: str) -> dict[str, int]:
    """Return the upstream versions of one pin; nothing when it went away meanwhile."""
    content = objects.read(path)
    return {str(name): int(version) for name, version in json.loads(content).items()} if content else {}


def write_release(objects: Objects, name: str, version: int, files: Iterable[str]) -> None:
    """Keep a version of a table under a name; its files stay for as long as the release does."""
    if not _NAME.fullmatch(name):
        raise LakehouseError(f"{name!r} cannot name a release.", fix="Use small letters, digits, `.`, `_` and `-`.")
    content = {"version": version, "files": sorted(files)}
    objects.write(release_file(name), json.dumps(content, sort_keys=True).encode())


def read_releases(objects: Objects) -> dict[str, Release]:
    """Return the releases of a table by name."""
    found: dict[str, Release] = {}
    for path in objects.names(RELEASES_FOLDER):
        content = objects.read(path)
        if content:
            said = json.loads(content)
            name = path.rsplit("/", 1)[-1].removesuffix(".json")
            found[name] = Release(name, said["version"], frozenset(said["files"]))
    return found


def remove_release(objects: Objects, name: str) -> None:
    """Let go of a release; its files stay until the next maintenance."""
    objects.delete([release_file(name)])
