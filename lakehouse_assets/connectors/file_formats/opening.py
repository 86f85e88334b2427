"""From the connection of a source to the place its files are in; the scheme of `location` says which kind it is.

What belongs here: choosing. What does not: the places (`local_folder`, `object_store`, `sftp_folder`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.file_formats.local_folder import LocalFolder
from lakehouse_assets.connectors.file_formats.locations import Location
from lakehouse_assets.connectors.file_formats.notifications import QUEUE
from lakehouse_assets.connectors.file_formats.object_store import ObjectStore
from lakehouse_assets.connectors.file_formats.sftp_folder import SftpFolder
from lakehouse_assets.errors import SourceError


def open_location(connection: Mapping[str, Any], access: Access, *, where: str) -> Location:
    """Open `connection.location`; the other keys are options of its kind. Raises SourceError when it cannot be."""
    location = str(connection.get("location", ""))
    if not location:
        raise SourceError("missing", "the connection names no location.", where=where, fix="Add `location:`.")
    options = {key: value for key, value in connection.items() if key not in {"location", QUEUE}}
    if location.startswith("sftp://"):
        what = location.rpartition("@")[2]
        return access.attempt(what, lambda: SftpFolder(location, options, timeout=access.timeout_seconds, where=where))
    if "://" in location and not location.startswith("file://"):
        return ObjectStore(location.rstrip("/"), options)
    return LocalFolder(Path(location.removeprefix("file://")).expanduser(), where=where)
