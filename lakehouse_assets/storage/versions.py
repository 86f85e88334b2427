"""The last version that anybody knows of, kept beside each table: a lost last commit would go unnoticed otherwise.

Delta takes a log without its newest entry for the whole log. One marker a version, named by its number: writers
never overwrite each other's, so the greatest one never goes back. A marker is written after its commit and read
before the log is opened, so whoever sees it must see the commit too.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from lakehouse_assets.naming import VERSIONS_FOLDER, version_marker
from lakehouse_assets.storage.objects import Objects, translated


def known_version(root: str, options: Mapping[str, str]) -> int | None:
    """Return the greatest version that was ever noted, or None."""
    return max(_noted(root, options), default=None)


def note_version(root: str, options: Mapping[str, str], version: int) -> None:
    """Remember that a version exists; smaller ones need not be remembered any longer."""
    noted = _noted(root, options)
    if version in noted:
        return
    objects = Objects(root, options)
    objects.write(version_marker(version), b"")
    objects.delete(version_marker(number) for number in noted if number < version)


def forget_versions(root: str, options: Mapping[str, str], *, above: int) -> None:
    """Forget versions that are lost for good."""
    Objects(root, options).delete(version_marker(number) for number in _noted(root, options) if number > above)


def _noted(root: str, options: Mapping[str, str]) -> list[int]:
    names = (name.rsplit("/", 1)[-1] for name in _names(root, options))
    return [int(name) for name in names if name.isdecimal()]


def _names(root: str, options: Mapping[str, str]) -> Iterable[str]:
    if "://" in root:
        return Objects(root, options).names(f"{VERSIONS_FOLDER}/")
    # Looking at a table that does not exist must not create its folder.
    with translated(root), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return os.listdir(Path(root, VERSIONS_FOLDER))  # noqa: PTH208 - names only, on every opening
    return []
