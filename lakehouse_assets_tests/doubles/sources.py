"""Sources without a configuration folder, for tests of connectors; every argument has a harmless default."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.clock import Clock
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.rest import Rest
from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.model import ColumnType, Kind, Place, Source, SourceTable
from lakehouse_assets_tests.doubles.api import Api

DAY = "2026-01-05"
PATIENT = RetryPolicy("patient", (1.0, 2.0, 4.0), cap_seconds=60.0, timeout_seconds=5.0, has_jitter=False)


@dataclass
class Hands:
    """A clock that a test turns: waiting takes no time and is remembered."""

    at: float = 1_767_225_600.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.waits.append(seconds)
        self.at += seconds

    @property
    def clock(self) -> Clock:
        """The clock itself."""
        return Clock(lambda: self.at, self.sleep)


def table(
    *columns: str,
    source: str = "shop",
    options: Mapping[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401
) -> SourceTable:
    """Return a table `orders` of text columns."""
    named = {name: ColumnType(Kind.STRING) for name in columns or ("id", "amount", "note")}
    made = SourceTable(source, "orders", named, None, options=options or {}, place=Place("config/sources/shop.yaml", 9))
    return replace(made, **changes)


def source_of(kind: str, connection: Mapping[str, Any], *tables: SourceTable) -> Source:
    """Return a source with some tables."""
    return Source(
        "shop",
        kind,
        description="",
        owner="",
        connection=connection,
        cadence="daily",
        replay="exact",
        retry_policy="patient",
        calendar=Calendar(date(1999, 1, 1)),
        on_error="dead-letter",
        tables={one.name: one for one in tables},
        place=Place("config/sources/shop.yaml", 4),
    )


def ask(  # one keyword for each part that tests change
    api: Api,
    options: Mapping[str, Any],
    *,
    access: Access | None = None,
    connection: Mapping[str, Any] | None = None,
    of: SourceTable | None = None,
) -> Extraction | Rejection:
    """Return what an API says of one day."""
    asked = replace(of or table(), options=options)
    where = {"url": api.url, "allowedHosts": "127.0.0.1", **(connection or {})}
    access = access or Access(environ={}, policy=PATIENT, clock=Hands().clock)
    return Rest(source_of("rest", where, asked), access).extract(asked, [DAY])[DAY]


def rows_of(answer: Extraction | Rejection) -> pl.DataFrame:
    """Return the rows of an answer; raise its error when there are none."""
    if isinstance(answer, Rejection):
        raise answer.error
    frame: pl.LazyFrame = answer.frame.to_native()
    return frame.collect()
