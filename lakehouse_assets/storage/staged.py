"""The last look at staged files before a commit: they exist, have their size, and exactly the expected columns.

Delta itself checks none of this; a file of another type would be published and unreadable.
"""

from collections.abc import Mapping, Sequence

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import ColumnType, Kind
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.errors import StagedFileError
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.objects import Objects, translated
from lakehouse_assets.storage.table import REASON_FIELDS, REASONS_TYPE


def in_memory(columns: Mapping[str, str]) -> dict[str, nw.dtypes.DType]:
    """Return the in-memory type of each Delta column."""
    return {name: _in_memory(kind) for name, kind in columns.items()}


def check_staged(objects: Objects, files: Sequence[StagedFile], columns: Mapping[str, str]) -> None:
    """Raise StagedFileError unless every file is there, whole, and holds exactly `columns` (Delta types)."""
    want = {
        name: nw.new_series("x", [], dtype, backend="polars").to_native().dtype
        for name, dtype in in_memory(columns).items()
    }
    for file in files:
        check_present(objects, [file])
        _check_schema(objects, file, want)


def check_present(objects: Objects, files: Sequence[StagedFile]) -> None:
    """Raise StagedFileError unless every file is there and whole."""
    for file in files:
        size = objects.size(file.path)
        if size != file.size:
            found = "is gone" if size is None else f"has {size} bytes instead of {file.size}"
            raise StagedFileError(f"the staged file {file.path} {found}.", where=objects.root, fix="Run it again.")


def _check_schema(objects: Objects, file: StagedFile, want: Mapping[str, pl.DataType]) -> None:
    path = f"{objects.root}/{file.path}"
    with translated(path):
        have = pl.scan_parquet(path, storage_options=objects.options or None, hive_partitioning=False).collect_schema()
    if dict(have) != dict(want):
        wrong = sorted(n for n in set(have) | set(want) if have.get(n) != want.get(n))
        raise StagedFileError(
            f"the staged file {file.path} does not have the promised columns: {', '.join(wrong)}.",
            where=objects.root,
            fix="The last step of a transform must be `conform`.",
        )


def _in_memory(kind: str) -> nw.dtypes.DType:
    if kind == REASONS_TYPE:
        return nw.List(nw.Struct(dict.fromkeys(REASON_FIELDS, nw.String)))
    if kind == "binary":
        return nw.Binary()
    if kind.startswith("decimal("):
        precision, scale = (int(number) for number in kind.removeprefix("decimal(").rstrip(")").split(","))
        return to_narwhals(ColumnType(Kind.DECIMAL, precision, scale))
    return to_narwhals(ColumnType(Kind(kind)))
