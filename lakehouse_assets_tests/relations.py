"""Sources that hold tables, built to measure, and what a connector said of a day in plain Python values."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.model import ColumnType, Place, Source, SourceTable
from lakehouse_assets.contracts.types import read_physical

DAY, NEXT = "2026-01-05", "2026-01-06"


def relation(columns: Mapping[str, str], **changes: Any) -> SourceTable:  # noqa: ANN401 - any field may change
    """Return the table `orders` of the source `shop` with these raw columns."""
    types = {name: read_physical(written) for name, written in columns.items()}
    known = {name: kind for name, kind in types.items() if isinstance(kind, ColumnType)}
    assert len(known) == len(types)
    fields = {"read": None, "place": Place("sources/shop.yaml", 9), **changes}
    return SourceTable(source="shop", name="orders", columns=known, **fields)


def source_of(
    kind: str, table: SourceTable, connection: Mapping[str, Any], *, replay: str = "exact", timezone: str = "UTC"
) -> Source:
    """Return a source with one table."""
    return Source(
        name="shop",
        kind=kind,
        description="",
        owner="shop@example.com",
        connection=connection,
        cadence="daily_after_midnight",
        calendar=Calendar(date(2026, 1, 1), timezone=timezone),
        replay=replay,
        retry_policy="fixed",
        on_error="dead-letter",
        tables={table.name: table},
        place=Place("sources/shop.yaml", 1),
    )


def arrived(answer: Extraction | Rejection) -> pl.DataFrame:
    """Return the rows of an answer, which must be some."""
    assert isinstance(answer, Extraction), answer
    rows: pl.DataFrame = answer.frame.to_native().collect()
    assert rows.height == answer.rows
    return rows


def refused(answer: Extraction | Rejection) -> Rejection:
    """Return an answer, which must be a refusal."""
    assert isinstance(answer, Rejection), answer
    return answer
