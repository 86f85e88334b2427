"""What is told about a staged file, whichever engine wrote it: its size, its digest, and statistics for readers.

Bounds are told of integers and dates only: exact in every reader, and never text that may be personal.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.faults import translated
from lakehouse_assets.engines.protocol import Target
from lakehouse_assets.naming import partition_folder, staged_file
from lakehouse_assets.results import StagedFile

FILES_AT_ONCE = 4
_STATS_TYPES = (pl.Int32, pl.Int64, pl.Date)


def described(target: Target, paths: Iterable[str], options: Mapping[str, str]) -> list[StagedFile]:
    """Return what a commit says about staged files, by path; paths are whole, a partition's folder below the root."""
    # Digests are one core's work, and stores are far away: a few files at once.
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        return list(pool.map(lambda path: _described(target, path, options), sorted(paths)))


def _described(target: Target, path: str, options: Mapping[str, str]) -> StagedFile:
    relative = path.removeprefix(target.root).lstrip("/")
    size, digest = _fingerprint(path, options)
    stats = _stats(path, options)
    folder = relative.split("/", 1)[0]
    value = unquote(folder.removeprefix(f"{target.partition_column}="))
    return StagedFile(relative, size, stats["numRecords"], value, digest, json.dumps(stats))


def write_empty(
    target: Target, partition: str, schema: Mapping[str, nw.dtypes.DType], options: Mapping[str, str]
) -> StagedFile:
    """Write the one zero-row file that says "published and empty"; the same on every engine."""
    name = (
        f"{partition_folder(target.partition_column, partition)}/"
        f"{staged_file(target.publish, target.first_number, target.prefix)}"
    )
    path = f"{target.root}/{name}"
    with translated(target.root):
        empty_frame("", schema).sink_parquet(path, mkdir=is_local(path), storage_options=dict(options) or None)
        return _described(target, path, options)


def empty_frame(partition_column: str, schema: Mapping[str, nw.dtypes.DType]) -> pl.LazyFrame:
    """Return a frame without rows, with the partition column last where it has a name."""
    columns = {name: polars_type(dtype) for name, dtype in schema.items()}
    return pl.LazyFrame(schema={**columns, **({partition_column: pl.String()} if partition_column else {})})


def polars_type(dtype: nw.dtypes.DType) -> pl.DataType:
    """Return the Polars type of a Narwhals type."""
    empty: pl.Series = nw.new_series("x", [], dtype, backend="polars").to_native()
    return empty.dtype


def is_local(path: str) -> bool:
    """Whether a path is one of this machine's file system."""
    return "://" not in path


def object_store(url: str, options: Mapping[str, str]) -> tuple[Any, str]:
    """Return the bucket's store and the key inside it."""
    from lakehouse_assets.engines.stores import open_store  # noqa: PLC0415 - only for object stores

    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    return open_store(f"{scheme}://{bucket}", options), key


def _fingerprint(path: str, options: Mapping[str, str]) -> tuple[int, str]:
    if is_local(path):
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        return Path(path).stat().st_size, digest.hexdigest()
    import obstore  # noqa: PLC0415 - only for object stores

    store, key = object_store(path, options)
    digest, size = hashlib.sha256(), 0
    for block in obstore.get(store, key).stream():
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()


def _stats(path: str, options: Mapping[str, str]) -> dict[str, Any]:
    scan = pl.scan_parquet(path, hive_partitioning=False, storage_options=dict(options) or None)
    names = [name for name, dtype in scan.collect_schema().items() if dtype in _STATS_TYPES and name[0] != "_"]
    row = scan.select(
        pl.len().alias("rows"),
        *(pl.col(name).min().cast(pl.String).alias(f"min {name}") for name in names),
        *(pl.col(name).max().cast(pl.String).alias(f"max {name}") for name in names),
        *(pl.col(name).null_count().alias(f"null {name}") for name in names),
    ).collect()
    return _delta_stats(row.row(0, named=True), names, scan.collect_schema())


def _delta_stats(row: Mapping[str, Any], names: Sequence[str], schema: Mapping[str, pl.DataType]) -> dict[str, Any]:
    def bound(which: str, name: str) -> Any:  # noqa: ANN401 - JSON value
        text = row[f"{which} {name}"]
        return int(text) if schema[name].is_integer() else text

    known = [name for name in names if row[f"min {name}"] is not None]
    return {
        "numRecords": row["rows"],
        "minValues": {name: bound("min", name) for name in known},
        "maxValues": {name: bound("max", name) for name in known},
        "nullCount": {name: row[f"null {name}"] for name in names},
    }
