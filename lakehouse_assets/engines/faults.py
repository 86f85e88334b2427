"""What an engine raises, as one sentence of ours. Messages of engines may quote values of rows and are left out.

Names of columns and types are no values: errors about a schema keep their first line.
"""

import contextlib
import re
import sys
from collections.abc import Iterator

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.kit import ENGINE_ERRORS
from lakehouse_assets.errors import ComputationError, StorageError, TransformError

_ABOUT_SCHEMAS: tuple[type[Exception], ...] = (
    pl.exceptions.ColumnNotFoundError,
    pl.exceptions.DuplicateError,
    pl.exceptions.SchemaError,
    nw.exceptions.ColumnNotFoundError,
    nw.exceptions.DuplicateError,
)
# Polars shortens paths to their end, which is what tells files apart.
_PATH = re.compile(r"/[^/\s]+/[^/\s]+\.parquet")
_WRITING = "underlying IO error: "
_READERS_ARE_FINE = "readers still see the previous version."
_MAKE_ROOM = f"Free space or grant access, then run again; {_READERS_ARE_FINE}"


def engine_errors() -> tuple[type[Exception], ...]:
    """Return what engines raise about a computation, Spark's own errors among them once Spark is there."""
    spark = sys.modules.get("pyspark.errors")
    return (*ENGINE_ERRORS, ComputationError, *(() if spark is None else (spark.PySparkException,)))


@contextlib.contextmanager
def translated(where: str = "") -> Iterator[None]:
    """Turn faults of disks and damaged files into one StorageError sentence; `where` names a folder or a table."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(
            f"a data file is missing{_named(error)}.",
            where=where,
            fix="Restore it from a backup, or run the partitions of its table again.",
        ) from error
    except OSError as error:
        raise StorageError(
            f"cannot read or write: {error.strerror or type(error).__name__}.",
            where=where,
            fix=_MAKE_ROOM,
        ) from error
    except pl.exceptions.ComputeError as error:
        text = str(error)
        if _WRITING in text:
            # How Polars says that a disk refused: space, permission.
            raise StorageError(f"cannot write: {text.partition(_WRITING)[2]}.", where=where, fix=_MAKE_ROOM) from error
        if not text.startswith("parquet:"):
            raise
        raise StorageError(
            "a Parquet file is damaged.",
            where=where,
            fix="Restore it from a backup; or remove it and run the partitions of its table again.",
        ) from error


@contextlib.contextmanager
def without_values(where: str) -> Iterator[None]:
    """Turn what an engine raises about a computation into TransformError without the values it may quote."""
    try:
        yield
    except engine_errors() as error:
        text = str(error).strip().partition("\n")[0].rstrip(".")
        detail = f" ({text})" if isinstance(error, _ABOUT_SCHEMAS) else ""
        # Without the cause: it would be printed too.
        raise TransformError(
            f"the computation stopped with {type(error).__name__}{detail}.",
            where=where,
            fix=f"Look at the transform and at the types of its upstreams; nothing was published, {_READERS_ARE_FINE}",
        ) from None


def _named(error: Exception) -> str:
    path = _PATH.search(str(error))
    return f" (…{path[0]})" if path else ""
