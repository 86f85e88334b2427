"""How files are read: from `read` of a source file to ReadOptions. Each option belongs to some formats, or to all."""

from collections.abc import Sequence

from pydantic.alias_generators import to_camel

from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.source_blocks import ReadBlock

_DELIMITED = ("csv", "tsv")
_JSON = ("jsonl", "json")
_TEXT = (*_DELIMITED, *_JSON)
# Options that are not here belong to every format.
_FORMATS_OF = {
    "delimiter": ("csv",),
    "quote": _DELIMITED,
    "escape": _DELIMITED,
    "comment": _DELIMITED,
    "trailer": _DELIMITED,
    "header": (*_DELIMITED, "excel"),
    "trim_header": (*_DELIMITED, "excel"),
    "final_newline": (*_DELIMITED, "jsonl"),
    "encoding": _TEXT,
    "compression": _TEXT,
    "max_field_bytes": _TEXT,
    "fields": _JSON,
    "nested": (*_JSON, "parquet"),
    "sheet": ("excel",),
    "header_row": ("excel",),
    "merged_cells": ("excel",),
}


def read_options(block: ReadBlock | None, at: Sequence[str], reading: Reading) -> ReadOptions | None:
    """Return how a table's files are read; an option of another format, or a way out of the location, is a finding."""
    if block is None:
        return None
    if "{partition}" not in block.pattern:
        reading.tell("LH904", [*at, "pattern"], "the pattern does not hold {partition}.")
    for option in ("pattern", "success_marker", "control"):
        if _leaves(getattr(block, option)):
            message = f"{to_camel(option)} leads out of the location."
            reading.tell("LH924", [*at, to_camel(option)], message, "Write a path below the location, without `..`.")
    for option in sorted(block.model_fields_set):
        formats = _FORMATS_OF.get(option)
        if formats and block.format not in formats:
            message = f"{to_camel(option)} is for {' and '.join(formats)}; the format is {block.format}."
            reading.tell("LH925", [*at, to_camel(option)], message, "Leave it out, or correct the format.")
    preset = {"delimiter": "\t"} if block.format == "tsv" else {}
    return ReadOptions(**{**block.model_dump(), **preset})


def _leaves(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")
