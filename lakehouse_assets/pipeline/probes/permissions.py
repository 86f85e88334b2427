"""Whether this user may list, write, read and delete in the lake's root; each is tried on an object of its own."""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lakehouse_assets.errors import StorageError
from lakehouse_assets.naming import probe_file
from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, error, fine, probe
from lakehouse_assets.storage.objects import Objects

_CONTENT = b"lakehouse doctor"
_FIX = "Give the user of the lake the right to list, read, write and delete below the root."


@probe
def permissions(installation: Installation) -> Iterator[Diagnosis]:
    """Try all four, and say which are missing."""
    settings = installation.settings
    if not settings.is_local:
        refused = list(_refused_by_store(Objects(settings.root, settings.storage_options)))
    elif installation.folder is not None:
        refused = list(_refused_by_folder(installation.folder))
    else:
        refused = list(_refused_by_parent(Path(settings.root)))
    yield from refused
    if not refused:
        yield fine("may list, read, write and delete", settings.root)


def _refused_by_store(objects: Objects) -> Iterator[Diagnosis]:
    name = probe_file(secrets.token_hex(8))
    yield from _tried("list", objects.root, lambda: objects.names(probe_file("")))
    refused = list(_tried("write", objects.root, lambda: objects.write(name, _CONTENT)))
    yield from refused
    if not refused:
        yield from _tried("read", objects.root, lambda: _check_read(objects, name))
        yield from _tried("delete", f"{objects.root}/{name}", lambda: objects.delete([name]))


def _tried(word: str, where: str, attempt: Callable[[], object]) -> Iterator[Diagnosis]:
    try:
        attempt()
    except StorageError as raised:
        yield error(f"cannot {word}: {raised.what}", where=where, fix=_FIX)


def _check_read(objects: Objects, name: str) -> None:
    if objects.read(name) != _CONTENT:
        raise StorageError("an object is not what was written a moment ago.", where=objects.root)


def _refused_by_folder(folder: Path) -> Iterator[Diagnosis]:
    try:
        list(folder.iterdir())
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as inner:
            file = Path(inner, "probe")
            file.write_bytes(_CONTENT)
            file.read_bytes()
    except OSError as refused:
        yield error(f"cannot list, read, write or delete: {refused.strerror}.", where=str(folder), fix=_FIX)


def _refused_by_parent(folder: Path) -> Iterator[Diagnosis]:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir():
        yield error("a file lies where the lake's folder should be.", where=str(nearest), fix="Correct `root`.")
    elif not os.access(nearest, os.W_OK | os.X_OK):
        yield error("the lake's folder cannot be made.", where=str(nearest), fix=_FIX)
