"""Which rows a day has, and what drivers' values become."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from lakehouse_assets.connectors.databases.literals import literal, predicate, quoted, split_relation
from lakehouse_assets.connectors.databases.options import RelationOptions
from lakehouse_assets.connectors.databases.values import text_of, to_frame
from lakehouse_assets.connectors.databases.windows import Stored, Window, window_of
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.relations import DAY, relation, source_of

TABLE = relation({"id": "long", "at": "timestamp"}, cursor="at")
BY_CURSOR = RelationOptions(window="cursor")


@pytest.mark.parametrize(
    ("stored", "options", "start", "end"),
    [
        (Stored.MOMENT, {}, datetime(2026, 1, 4, 23, tzinfo=UTC), datetime(2026, 1, 5, 23, tzinfo=UTC)),
        (Stored.LOCAL, {}, datetime(2026, 1, 4, 23), datetime(2026, 1, 5, 23)),  # noqa: DTZ001
        (Stored.LOCAL, {"timezone": "Europe/Berlin"}, datetime(2026, 1, 5), datetime(2026, 1, 6)),  # noqa: DTZ001
        (Stored.DATE, {}, date(2026, 1, 5), date(2026, 1, 6)),
        (Stored.TEXT, {}, "2026-01-04 23:00:00", "2026-01-05 23:00:00"),
        (Stored.TEXT, {"timezone": "Europe/Berlin"}, "2026-01-05", "2026-01-06"),
        (Stored.NUMBER, {"epoch": "s"}, 1767567600, 1767654000),
        (Stored.NUMBER, {"epoch": "ms"}, 1767567600000, 1767654000000),
    ],
)
def test_a_cursor_is_in_the_day_of_the_calendars_zone(
    stored: Stored, options: dict[str, Any], start: object, end: object
) -> None:
    source = source_of("sql", TABLE, {}, timezone="Europe/Berlin")

    found = window_of(source, TABLE, RelationOptions(window="cursor", **options), DAY, stored)

    assert found == Window("at", start, end)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stored", "written", "start", "end"),
    [
        (Stored.TEXT, "%Y-%m-%d", "2026-01-05", None),
        (Stored.TEXT, "%d.%m.%Y", "05.01.2026", None),
        (Stored.NUMBER, "%Y%m%d", 20260105, None),
        (Stored.DATE, "%Y-%m-%d", date(2026, 1, 5), date(2026, 1, 6)),
    ],
)
def test_a_column_of_days_is_the_day_as_it_writes_it(stored: Stored, written: str, start: object, end: object) -> None:
    options = RelationOptions.model_validate({"window": "partition", "partitionColumn": "day", "dayFormat": written})

    assert window_of(source_of("sql", TABLE, {}), TABLE, options, DAY, stored) == Window("day", start, end)  # type: ignore[arg-type]


def test_a_number_that_is_no_time_is_no_cursor() -> None:
    with pytest.raises(SourceError, match=r"Add `epoch: s`"):
        window_of(source_of("sql", TABLE, {}), TABLE, BY_CURSOR, DAY, Stored.NUMBER)


def test_names_and_values_end_where_they_end() -> None:
    assert quoted('a"b; DROP') == '"a""b; DROP"'
    assert literal("x' OR '1'='1") == "'x'' OR ''1''=''1'"
    assert split_relation('db."my.schema".orders') == ["db", '"my.schema"', "orders"]
    assert predicate(Window("day", "it's", None)) == "\"day\" = 'it''s'"


def test_text_that_could_escape_its_quotes_is_refused() -> None:
    with pytest.raises(ValueError, match="backslashes"):
        literal("\\'")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (Decimal("NaN"), "NaN"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (float("inf"), "inf"),
        (datetime(2026, 1, 5, 1, 2, 3, 4), "2026-01-05 01:02:03.000004"),  # noqa: DTZ001
        (datetime(2026, 1, 5, 1, tzinfo=timezone(timedelta(hours=1))), "2026-01-05 00:00:00.000000+00:00"),
        (date(2026, 1, 5), "2026-01-05"),
        (time(1, 2), "01:02:00"),
        (b"\x01", "01"),
        (memoryview(b"\x01"), "01"),
        (True, "true"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({"a": [Decimal("1.10")]}, '{"a": ["1.10"]}'),
    ],
)
def test_a_value_becomes_text_that_loses_nothing(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_column_keeps_its_type_only_where_every_value_has_it() -> None:
    rows = [(1, True, 1, None, 2**63), (2, False, "x", None, 1)]

    frame = to_frame(["number", "flag", "mixed", "nothing", "large"], rows)

    assert frame.schema == {
        "number": pl.Int64, "flag": pl.Boolean, "mixed": pl.String, "nothing": pl.Null, "large": pl.String
    }  # fmt: skip
    assert frame["large"].to_list() == [str(2**63), "1"]
