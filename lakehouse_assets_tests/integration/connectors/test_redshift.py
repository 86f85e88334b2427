"""Redshift's own driver on PostgreSQL behind a relay: both ways of a day give the same rows, and clean up."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import obstore
import polars as pl
import psycopg2  # noqa: TID253 - what stands behind the relay
import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.databases import unload
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.redshift import Redshift
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.engines.stores import open_store
from lakehouse_assets_tests.doubles import redshift
from lakehouse_assets_tests.places import KEY, SECRET, S3Server
from lakehouse_assets_tests.relations import DAY, NEXT, arrived, refused, relation, source_of

pytestmark = [pytest.mark.integration, pytest.mark.postgres]

NUMBERS = count(1)
BUCKET = "unloaded"
COLUMNS = {
    "event_id": "text",
    "kind": "text",
    "price": "decimal(12,4)",
    "happened_at": "timestamp",
    "seen": "timestamp",
}
_VALUES = """
    ('e1', 'view', 1.5000, '2026-01-05 00:00:00+00', '2026-01-05 01:00:00'),
    ('e2', 'it''s', NULL, '2026-01-05 23:59:59.999999+00', '2026-03-29 02:30:00'),
    ('e3', NULL, 99999999.9999, '2026-01-05 12:00:00+02', NULL),
    ('e3', NULL, 99999999.9999, '2026-01-05 12:00:00+02', NULL),
    ('e4', 'view', 0.0001, '2026-01-06 00:00:00+00', '2026-01-06 00:00:00')
"""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A database behind the relay: how a source connects to it, and how a test looks behind it."""

    connection: Mapping[str, str]
    postgres: str
    store: Mapping[str, str]

    def execute(self, statement: str) -> None:
        with closing(psycopg2.connect(self.postgres)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def left(self) -> list[str]:
        found = obstore.list(open_store(f"s3://{BUCKET}", self.store))
        return [meta["path"] for batch in found for meta in batch]


@pytest.fixture(scope="module")
def _relay(postgres: str, moto: S3Server) -> Iterator[tuple[int, str, dict[str, str]]]:
    moto.make_bucket(BUCKET)
    url = postgres.format(database="postgres")
    store = {"aws_endpoint": moto.endpoint, "aws_region": "us-east-1", "aws_allow_http": "true"}
    store |= {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    with redshift.running(url, store) as port:
        yield port, url, store


@pytest.fixture
def warehouse(_relay: tuple[int, str, dict[str, str]]) -> Warehouse:
    port, url, store = _relay
    connection = {"host": "127.0.0.1", "port": str(port), "database": "postgres", "user": "lake", "ssl": "false"}
    connection |= {"unloadTo": f"s3://{BUCKET}/days", "iamRole": "arn:aws:iam::1:role/unload", "s3Region": "us-east-1"}
    connection |= {"s3Endpoint": store["aws_endpoint"], "s3AccessKeyId": KEY, "s3SecretAccessKey": SECRET}
    return Warehouse(connection, url, store)


@pytest.fixture
def events(warehouse: Warehouse) -> str:
    """Return the name of a table with five events."""
    name = f"events_{next(NUMBERS)}"
    types = "event_id text, kind varchar(9), price numeric(12,4), happened_at timestamptz, seen timestamp"
    warehouse.execute(f"CREATE TABLE {name} ({types}); INSERT INTO {name} VALUES {_VALUES}")  # noqa: S608 - constants
    return name


def table_of(name: str, **options: Any) -> SourceTable:  # noqa: ANN401
    given = {"relation": name, "window": "cursor", "timezone": "Europe/Berlin", **options}
    return relation(COLUMNS, cursor="happened_at", options=given)


def extract(
    warehouse: Warehouse, table: SourceTable, *days: str, **connection: str
) -> dict[str, Extraction | Rejection]:
    source = source_of("redshift", table, {**warehouse.connection, **connection})
    return dict(Redshift(source, Access(environ={})).extract(table, days or (DAY,)))


@pytest.mark.parametrize(("above", "way"), [(0, "unload"), (1_000, "cursor")])
def test_a_day_of_events_arrives_exactly(warehouse: Warehouse, events: str, above: int, way: str) -> None:
    answer = extract(warehouse, table_of(events, unloadAbove=above, batchRows=2))[DAY]

    rows = arrived(answer).sort("event_id", "_row_id")
    assert isinstance(answer, Extraction)
    assert answer.measures == {"objects": 1, "said_rows": 4, "way": way}
    assert rows["event_id"].to_list() == ["e1", "e2", "e3", "e3"]
    assert rows["price"].to_list() == [Decimal("1.5000"), None, *[Decimal("99999999.9999")] * 2]
    assert rows["happened_at"].to_list()[1] == datetime(2026, 1, 5, 23, 59, 59, 999999, tzinfo=UTC)
    assert rows["seen"].to_list()[0] == datetime(2026, 1, 5, 0, tzinfo=UTC)
    assert rows["_defect"].to_list() == [None, "nonexistent_time", None, None]


def test_both_ways_are_one_content(warehouse: Warehouse, events: str) -> None:
    ways = [arrived(extract(warehouse, table_of(events, unloadAbove=above))[DAY]) for above in (0, 1_000)]
    by_cursor, unloaded = (rows.drop("_line").sort("_row_id", "event_id") for rows in ways)

    good = [rows.filter(pl.col("_defect").is_null()) for rows in (by_cursor, unloaded)]
    assert good[0].equals(good[1])


def test_what_was_unloaded_is_removed(warehouse: Warehouse, events: str) -> None:
    extract(warehouse, table_of(events, unloadAbove=0))

    assert warehouse.left() == []


def test_a_day_without_events_is_empty(warehouse: Warehouse, events: str) -> None:
    answers = extract(warehouse, table_of(events, unloadAbove=0), "2026-01-07", NEXT)

    assert {day: arrived(answer).height for day, answer in answers.items()} == {"2026-01-07": 0, NEXT: 1}


def _without_manifest(found: unload.Unloaded) -> None:
    obstore.delete(found.store, unload.MANIFEST)


def _without_a_file(found: unload.Unloaded) -> None:
    obstore.delete(found.store, "0000_part_00.parquet")


def _with_other_bytes(found: unload.Unloaded) -> None:
    whole = bytes(obstore.get(found.store, "0000_part_00.parquet").bytes())
    obstore.put(found.store, "0000_part_00.parquet", whole[:4] + b"\xff" * (len(whole) - 12) + whole[-8:])


def _with_a_cut(found: unload.Unloaded) -> None:
    obstore.put(found.store, "0000_part_00.parquet", b"PAR1")


def _with_a_file_of_others(found: unload.Unloaded) -> None:
    listed = b'{"entries": [{"url": "s3://other/secret.parquet", "meta": {}}]}'
    obstore.put(found.store, unload.MANIFEST, listed)


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (_without_manifest, "incomplete"),
        (_without_a_file, "incomplete"),
        (_with_other_bytes, "damaged"),
        (_with_a_cut, "truncated"),
        (_with_a_file_of_others, "incomplete"),
    ],
)
def test_what_is_not_as_the_manifest_says_is_refused_and_harms_nothing(
    warehouse: Warehouse,
    events: str,
    harm: Any,  # noqa: ANN401
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = unload.Unloaded.frames

    def frames(self: unload.Unloaded, batch_rows: int) -> Any:  # noqa: ANN401
        harm(self)
        return honest(self, batch_rows)

    monkeypatch.setattr(unload.Unloaded, "frames", frames)

    assert refused(extract(warehouse, table_of(events, unloadAbove=0))[DAY]).error.code == code
    assert warehouse.left() == []


def test_a_table_that_may_not_be_read_is_told_without_values(warehouse: Warehouse) -> None:
    error = refused(extract(warehouse, table_of("nowhere"))[DAY]).error

    assert error.code == "query"
    assert "42P01" in str(error)


def test_a_cluster_that_is_not_there_is_told_without_its_password(warehouse: Warehouse) -> None:
    error = refused(extract(warehouse, table_of("events"), port="1", password="canary")[DAY]).error  # noqa: S106

    assert error.code == "unreachable"
    assert "canary" not in repr(error) + str(error.__context__)
