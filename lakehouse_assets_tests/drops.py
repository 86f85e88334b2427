"""One file dropped into a folder and what the connector says about it: for tests of formats."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.files import Files
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import ColumnType, Source
from lakehouse_assets.contracts.types import read_physical
from lakehouse_assets_tests.builders import file_source

DAY = "2026-01-05"


def typed_source(location: object, columns: Mapping[str, str], **options: Any) -> Source:  # noqa: ANN401 - of `read`
    """Return `file_source` with a type for each column."""
    source = file_source(location, *columns, **options)
    types: dict[str, ColumnType] = {}
    for name, word in columns.items():
        found = read_physical(word)
        assert isinstance(found, ColumnType), found
        types[name] = found
    return replace(source, tables={"orders": replace(source.tables["orders"], columns=types)})


def drop(folder: Path, content: bytes, columns: Mapping[str, str], **options: Any) -> Extraction | Rejection:  # noqa: ANN401 - of `read`
    """Return the answer for a day whose only file has this content; `path` is where it lies."""
    path = options.pop("path", f"{DAY}.data")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
    source = typed_source(folder, columns, **{"pattern": path.replace(DAY, "{partition}"), **options})
    return Files(source, Access(environ={})).extract(source.tables["orders"], [DAY])[DAY]


def arrived(answer: Extraction | Rejection) -> pl.DataFrame:
    """Return the rows of an answer that is no refusal."""
    assert isinstance(answer, Extraction), answer
    rows: pl.DataFrame = answer.frame.to_native().collect()
    assert rows.height == answer.rows
    return rows


def refused(answer: Extraction | Rejection) -> Rejection:
    """Return an answer that is a refusal with a remedy."""
    assert isinstance(answer, Rejection), answer
    assert answer.error.fix
    return answer
