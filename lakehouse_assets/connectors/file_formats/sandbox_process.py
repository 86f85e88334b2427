"""The process that decodes files nobody vouches for; run by `sandbox`, never imported by it.

What belongs here: limits, one task after the other, Parquet of others into Parquet of ours. Excel is `excel_sheet`.
Whatever happens here is told in one sentence without a value of the file, or by dying.
"""

import json
import os
import resource
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import polars as pl

from lakehouse_assets.connectors.file_formats.excel_sheet import SheetError, convert_sheet

_LONGEST_TASK = 1 << 20
_LAST = 2**63 - 1
_MICROSECONDS = pl.Datetime("us", "UTC")
_STORABLE = {pl.String, pl.Int32, pl.Int64, pl.Float64, pl.Boolean, pl.Date}
_WIDER: Mapping[Any, Any] = {
    **dict.fromkeys((pl.Int8, pl.Int16, pl.UInt8, pl.UInt16), pl.Int32),
    **dict.fromkeys((pl.Null, pl.Binary, pl.Categorical, pl.Enum), pl.String),
    pl.UInt32: pl.Int64,
    pl.UInt64: pl.Decimal(20, 0),
    pl.Float32: pl.Float64,
}
_FORMS: Mapping[Any, str] = {pl.Duration: "iso", pl.Time: "%H:%M:%S%.f"}


def convert_parquet(task: Mapping[str, Any], source: BinaryIO, target: BinaryIO) -> dict[str, Any]:
    """Write the rows of a Parquet file with types that tables can hold; return what was changed on the way."""
    frame = pl.scan_parquet(source, hive_partitioning=False, use_statistics=False)
    schema = frame.collect_schema()
    storable = {name: _storable(name, dtype) for name, dtype in schema.items()}
    missing = [name for name, expr in storable.items() if expr is None]
    if missing:
        return {"code": "type", "what": f"the column {missing[0]!r} has a type that no table can hold.", "fix": _ASK}
    beyond = _beyond(frame, task["legacy"])
    if beyond:
        what = f"the column {beyond[0]!r} holds INT96 timestamps before 1677 or after 2262, which would be changed."
        return {"code": "out_of_range", "what": what, "fix": "Ask the sender for INT64 timestamps."}
    frame.select(list(storable.values())).sink_parquet(target, compression="lz4")
    naive = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_zone is None]
    finer = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns"]
    return {"naive": naive, "finer": finer, "empty": [name for name, dtype in schema.items() if dtype == pl.Null]}


def _beyond(frame: pl.LazyFrame, legacy: Sequence[str]) -> list[str]:
    """Return the columns with moments that INT96 can say and nanoseconds of 64 bits cannot: they come as the ends."""
    if not legacy:
        return []
    ends = [pl.col(name).to_physical().is_in([_LAST, -_LAST, -_LAST - 1]).any().alias(name) for name in legacy]
    found = frame.select(ends).collect(engine="streaming").row(0, named=True)
    return [name for name in legacy if found[name]]


_ASK = "Ask the sender for another type."


def _storable(name: str, dtype: pl.DataType) -> pl.Expr | None:
    column = pl.col(name)
    if dtype in _STORABLE or isinstance(dtype, pl.Decimal):
        return column
    wider = _WIDER.get(dtype.base_type())
    if wider is not None:
        return column.cast(wider)
    if isinstance(dtype, pl.Datetime):
        aware = column.dt.replace_time_zone("UTC") if dtype.time_zone is None else column.dt.convert_time_zone("UTC")
        return aware.cast(_MICROSECONDS)
    if dtype.is_nested():
        # A list has no JSON of its own in Polars: as the only field of a structure it has.
        whole = pl.struct(column.alias("x")).struct.json_encode()
        return pl.when(column.is_not_null()).then(whole.str.slice(5, whole.str.len_chars() - 6)).alias(name)
    form = _FORMS.get(dtype.base_type())
    return column.dt.to_string(form) if form else None


_TASKS: Mapping[str, Callable[[Mapping[str, Any], BinaryIO, BinaryIO], dict[str, Any]]] = {
    "parquet": convert_parquet,
    "excel": convert_sheet,
}


def main(channel: socket.socket, memory: int) -> None:
    """Do tasks until the other side is gone."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _LONGEST_TASK, 2)
        if not message:
            return
        task = json.loads(message)
        with os.fdopen(descriptors[0], "rb") as source, os.fdopen(descriptors[1], "wb") as target:
            answer = _done(task, source, target)
        channel.send(json.dumps(answer).encode())


def _done(task: Mapping[str, Any], source: BinaryIO, target: BinaryIO) -> dict[str, Any]:
    try:
        return _TASKS[task["format"]](task, source, target)
    except SheetError as error:
        return {"code": error.code, "what": error.what, "fix": error.fix}
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, MemoryError) as error:
        what = f"its content cannot be decoded ({type(error).__name__})."
        return {"code": "damaged", "what": what, "fix": "Ask for the file again."}


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
