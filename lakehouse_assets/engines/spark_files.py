"""Files that Spark wrote get our names: from a folder of their own into the table's partition folders.

Spark's own committer shares one temporary folder a table, so two publishes would clean up after each other; hence a
folder for each write. What a killed driver leaves there, maintenance removes. Nothing here imports Spark.
"""

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from lakehouse_assets.engines.protocol import Target
from lakehouse_assets.engines.staged_files import is_local, object_store
from lakehouse_assets.naming import partition_folder, staged_file, staging_folder


def new_folder(target: Target) -> str:
    """Return a folder of the table's that nobody else writes to."""
    return f"{target.root}/{staging_folder(target.publish, secrets.token_hex(4))}"


def adopted(target: Target, folder: str, options: Mapping[str, str]) -> list[str]:
    """Move the data files below `folder` into the table's partition folders; return their whole paths, sorted."""
    place = _Local(folder) if is_local(folder) else _Remote(folder, options)
    numbers: dict[str, int] = {}
    moved = []
    for path in place.data_files():
        value = unquote(path.split("/", 1)[0].removeprefix(f"{target.partition_column}="))
        number = numbers[value] = numbers.get(value, target.first_number - 1) + 1
        name = staged_file(target.publish, number, target.prefix)
        whole = f"{target.root}/{partition_folder(target.partition_column, value)}/{name}"
        place.move(path, whole)
        moved.append(whole)
    return sorted(moved)


def forget(folder: str, options: Mapping[str, str]) -> None:
    """Remove what is left of a folder."""
    (_Local(folder) if is_local(folder) else _Remote(folder, options)).remove()


class _Local:
    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def data_files(self) -> list[str]:
        found = (path.relative_to(self._folder) for path in self._folder.glob("*=*/*.parquet"))
        return sorted(path.as_posix() for path in found if path.name[0] not in "._")

    def move(self, path: str, whole: str) -> None:
        Path(whole).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / path).rename(whole)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class _Remote:
    def __init__(self, folder: str, options: Mapping[str, str]) -> None:
        self._store, self._prefix = object_store(folder, options)
        self._bucket = folder.removesuffix(self._prefix)

    def _paths(self) -> list[str]:
        import obstore  # noqa: PLC0415 - only for object stores

        found: list[Any] = [meta for block in obstore.list(self._store, self._prefix) for meta in block]
        return sorted(str(meta["path"]).removeprefix(self._prefix).lstrip("/") for meta in found)

    def data_files(self) -> list[str]:
        return [path for path in self._paths() if path.count("/") == 1 and path.endswith(".parquet") and "=" in path]

    def move(self, path: str, whole: str) -> None:
        import obstore  # noqa: PLC0415 - only for object stores

        obstore.rename(self._store, f"{self._prefix}/{path}", whole.removeprefix(self._bucket))

    def remove(self) -> None:
        import obstore  # noqa: PLC0415 - only for object stores

        for path in self._paths():
            obstore.delete(self._store, f"{self._prefix}/{path}")
