"""Tables of real databases: windows, exact values, counts of the same moment, refusals."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.databases import queries
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.sql import Sql
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import ConfigError, MissingExtraError
from lakehouse_assets_tests.relations import DAY, NEXT, arrived, refused, relation, source_of

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:Dialect sqlite")]

COLUMNS = {"id": "long", "amount": "decimal(12,2)", "at": "timestamp", "note": "text"}
AMOUNT, TIMES = sa.Numeric(20, 4), sa.DateTime()


@contextmanager
def opened(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def orders(name: str = "orders", *more: sa.Column[Any]) -> sa.Table:
    columns = (sa.Column("id", sa.BigInteger), sa.Column("amount", AMOUNT), sa.Column("at", TIMES))
    return sa.Table(name, sa.MetaData(), *columns, sa.Column("note", sa.String(50)), *more)


def fill(url: str, rows: Sequence[tuple[Any, ...]], table: sa.Table | None = None) -> None:
    made = orders() if table is None else table
    with opened(url) as connection:
        made.create(connection)
        if rows:
            names = [column.name for column in made.columns]
            connection.execute(made.insert(), [dict(zip(names, row, strict=True)) for row in rows])


def row(number: int, at: str, amount: str = "1.5000", note: str | None = None) -> tuple[Any, ...]:
    return number, Decimal(amount), datetime.fromisoformat(at), note


def extract(
    url: str, table: SourceTable | None = None, *days: str, timezone: str = "UTC", environ: dict[str, str] | None = None
) -> dict[str, Extraction | Rejection]:
    wanted = table or relation(COLUMNS, cursor="at", options={"window": "cursor"})
    source = source_of("sql", wanted, {"url": url}, timezone=timezone)
    return dict(Sql(source, Access(environ=environ or {})).extract(wanted, days or (DAY,)))


def ids(answer: Extraction | Rejection) -> list[int]:
    return sorted(arrived(answer)["id"])


def test_a_day_is_what_its_cursor_says(database: str) -> None:
    times = ["2026-01-04 23:59:59.999999", "2026-01-05 00:00:00", "2026-01-05 23:59:59", "2026-01-06 00:00:00"]
    fill(database, [row(number, at) for number, at in enumerate(times)])

    answers = extract(database, None, DAY, NEXT)

    assert {day: ids(answer) for day, answer in answers.items()} == {DAY: [1, 2], NEXT: [3]}


def test_a_day_of_another_zone_begins_when_it_begins_there(database: str) -> None:
    fill(database, [row(1, "2026-01-04 22:59:59"), row(2, "2026-01-04 23:00:00"), row(3, "2026-01-05 23:00:00")])

    assert ids(extract(database, timezone="Europe/Berlin")[DAY]) == [2]


def test_values_are_exact(database: str) -> None:
    fill(database, [row(2**62, "2026-01-05 10:00:00", "1234567890.1000", "ä'\"\\%s:x")])

    found = arrived(extract(database)[DAY]).row(0, named=True)

    assert found["id"] == 2**62
    assert found["amount"] == Decimal("1234567890.10")
    assert found["at"] == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert found["note"] == "ä'\"\\%s:x"


def test_text_stays_what_it_is(database: str) -> None:
    texts = ["", " ", None, '"', "a,b", "two\nlines\r", "NULL", "\\N", "tab\t", "🙂", "%s %% :x"]
    fill(database, [row(number, "2026-01-05 10:00:00", note=text) for number, text in enumerate(texts)])

    assert arrived(extract(database)[DAY]).sort("id")["note"].to_list() == texts


def test_a_value_that_does_not_fit_costs_its_row_not_the_day(database: str) -> None:
    fill(database, [row(1, "2026-01-05 10:00:00", "1.5050"), row(2, "2026-01-05 10:00:00")])

    rows = arrived(extract(database)[DAY]).sort("id")

    assert rows["_defect"].to_list() == ["overflow", None]
    assert rows["amount"].to_list() == [None, Decimal("1.50")]


def test_all_there_is_is_taken_in_batches(database: str) -> None:
    fill(database, [row(number, "2026-01-01 00:00:00") for number in range(25)])
    table = relation(COLUMNS, options={"batchRows": 4})

    answer = extract(database, table)[DAY]

    assert ids(answer) == list(range(25))
    assert isinstance(answer, Extraction)
    assert answer.measures["said_rows"] == 25


def test_a_column_of_days_decides(database: str) -> None:
    made = orders("orders", sa.Column("day", sa.Date()))
    days = [datetime(2026, 1, day, tzinfo=UTC).date() for day in (5, 6)]
    fill(database, [(*row(number, "2026-01-01 00:00:00"), day) for number, day in enumerate(days)], made)
    columns = {**COLUMNS, "day": "date"}
    table = relation(columns, options={"window": "partition", "partitionColumn": "day"})

    assert ids(extract(database, table)[DAY]) == [0]


def test_names_that_need_quotes_are_only_names(database: str) -> None:
    hostile = 'or"ders; select'
    made = sa.Table(hostile, sa.MetaData(), sa.Column("Order Id", sa.Integer()), sa.Column("select", sa.String(9)))
    fill(database, [(1, "x")], made)
    table = relation({"Order Id": "long", "select": "text"}, options={"relation": hostile})

    assert arrived(extract(database, table)[DAY]).select("Order Id", "select").rows() == [(1, "x")]


def test_the_same_day_twice_has_the_same_rows_in_any_order(database: str) -> None:
    fill(database, [row(number % 3, "2026-01-05 10:00:00") for number in range(9)])
    first = arrived(extract(database)[DAY]).sort("_row_id")
    with opened(database) as connection:
        kept = connection.execute(sa.select(orders())).all()
        connection.execute(sa.delete(orders()))
        connection.execute(orders().insert(), [one._asdict() for one in reversed(kept)])

    assert first.equals(arrived(extract(database)[DAY]).sort("_row_id"))
    assert first["_row_id"].n_unique() == 9


def test_new_and_missing_columns_follow_the_declaration(database: str) -> None:
    fill(database, [(*row(1, "2026-01-05 10:00:00"), "red")], orders("orders", sa.Column("colour", sa.String(9))))
    gone = relation({**COLUMNS, "gone": "text"}, cursor="at", options={"window": "cursor"})

    answer = extract(database)[DAY]

    assert arrived(answer)["_unknown"].to_list() == ['{"colour":"red"}']
    refusal = refused(extract(database, gone)[DAY])
    assert refusal.error.code == "schema_drift"
    assert [event.removed for event in refusal.drift if event.removed] == [("gone",)]


def test_a_table_that_is_not_there_is_named(database: str) -> None:
    assert "the database has no table 'orders'" in str(refused(extract(database)[DAY]).error)


def test_the_count_and_the_rows_are_of_one_moment(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database, [row(1, "2026-01-05 10:00:00")])
    honest = queries.count

    def count(connection: sa.Connection, *more: Any) -> int:  # noqa: ANN401
        found = honest(connection, *more)
        if connection.dialect.name != "sqlite":  # which lets nobody write while somebody reads
            with opened(database) as writer:
                writer.execute(orders().insert(), [dict(id=2, at=datetime(2026, 1, 5, 11))])  # noqa: DTZ001, C408
        return found

    monkeypatch.setattr(queries, "count", count)

    assert ids(extract(database)[DAY]) == [1]


def test_a_count_that_is_not_what_came_is_incomplete(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database, [row(1, "2026-01-05 10:00:00")])
    monkeypatch.setattr(queries, "count", lambda *_: 2)

    assert refused(extract(database)[DAY]).error.code == "incomplete"


def test_nothing_can_be_written_through_the_connection(database: str) -> None:
    fill(database, [])
    engine = sa.create_engine(database, poolclass=sa.NullPool)

    with engine.connect() as connection:
        queries.begin(connection)
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(orders().insert(), [{"id": 1}])
    engine.dispose()


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password() -> None:
    url = "postgresql+psycopg2://reader:canary@127.0.0.1:1/shop"  # pragma: allowlist secret

    error = refused(extract("${DB}", environ={"DB": url})[DAY]).error

    assert error.code == "unreachable"
    assert "127.0.0.1/shop" in str(error)
    assert "canary" not in repr(error) + str(error.__cause__) + str(error.__context__)


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingExtraError, match="the driver of 'oracle' is not installed"):
        extract("oracle://reader@127.0.0.1/shop")


def test_a_url_that_is_none_is_told_without_its_text() -> None:
    error = refused(extract("canary")[DAY]).error

    assert error.code == "connection"
    assert "canary" not in str(error)


def test_a_variable_that_is_not_set_is_told() -> None:
    with pytest.raises(ConfigError, match="NOWHERE"):
        extract("${NOWHERE}")


@pytest.mark.postgres
def test_what_only_postgresql_can_say_is_kept_or_told(postgres: str) -> None:
    url = postgres.format(database="postgres").replace("postgresql:", "postgresql+psycopg2:")
    columns = {
        "n": "long",
        "at": "timestamp",
        "amount": "decimal(10,2)",
        "data": "text",
        "tags": "text",
        "took": "text",
    }
    values = [
        "(1, '2026-01-05 12:00+02', 1.50, '{\"a\": 1.10}', '{x,y}', '90 minutes')",
        "(2, 'infinity', 1.50, NULL, NULL, NULL)",
        "(3, '2026-01-05 12:00+00', 'NaN', NULL, NULL, NULL)",
        "(4, '0044-03-15 12:00+00 BC', 1, NULL, NULL, NULL)",
    ]
    with opened(url) as connection:
        connection.exec_driver_sql("CREATE SCHEMA odd")
        types = "n int, at timestamptz, amount numeric, data jsonb, tags text[], took interval"
        connection.exec_driver_sql(f"CREATE TABLE odd.things ({types})")
        connection.exec_driver_sql(f"INSERT INTO odd.things VALUES {', '.join(values)}")  # noqa: S608

    rows = arrived(extract(url, relation(columns, options={"relation": "odd.things"}))[DAY]).sort("n")

    assert rows["_defect"].to_list() == [None, "out_of_range", "non_finite", "out_of_range"]
    assert rows.row(0)[1:6] == (
        datetime(2026, 1, 5, 10, tzinfo=UTC), Decimal("1.50"), '{"a": 1.10}', "{x,y}", "PT1H30M"
    )  # fmt: skip


@pytest.mark.mariadb
def test_what_only_mariadb_can_say_is_kept_or_told(mariadb_url: str) -> None:
    columns = {"n": "decimal(20,0)", "at": "timestamp", "seen": "timestamp", "flag": "boolean", "kind": "text"}
    with opened(mariadb_url) as connection:
        connection.exec_driver_sql("SET sql_mode = '', time_zone = '+02:00'")
        types = "n bigint unsigned, at datetime(6), seen timestamp NULL, flag tinyint(1), kind enum('a','b')"
        connection.exec_driver_sql(f"CREATE TABLE things ({types})")
        connection.exec_driver_sql(
            "INSERT INTO things VALUES (18446744073709551615, '2026-01-05 10:00:00.25', '2026-01-05 12:00:00', 1, 'a'),"
            " (2, '0000-00-00 00:00:00', NULL, 0, NULL)"
        )

    rows = arrived(extract(mariadb_url, relation(columns, options={"relation": "things"}))[DAY]).sort("n")

    assert rows["_defect"].to_list() == ["out_of_range", None]
    assert rows.row(1)[:5] == (
        Decimal(2**64 - 1), datetime(2026, 1, 5, 10, 0, 0, 250000, tzinfo=UTC), datetime(2026, 1, 5, 10, tzinfo=UTC),
        True, "a",
    )  # fmt: skip


def test_text_that_is_stored_where_a_number_belongs_is_found(tmp_path: Any) -> None:  # noqa: ANN401
    url = f"sqlite:///{tmp_path}/loose.db"
    with opened(url) as connection:
        connection.exec_driver_sql("CREATE TABLE orders (id INTEGER, amount NUMERIC, at TEXT, note TEXT)")
        values = "(1, 10.25, '2026-01-05T10:00:00Z', 7), ('x', 'ten', '2026-01-05 10:00', NULL)"
        connection.exec_driver_sql(f"INSERT INTO orders VALUES {values}")  # noqa: S608

    rows = arrived(extract(url)[DAY]).sort("id", nulls_last=True)

    assert rows["amount"].to_list() == [Decimal("10.25"), None]
    assert rows["note"].to_list() == ["7", None]
    assert rows["_defect"].to_list() == [None, "wrong_type"]
    assert isinstance(rows["at"].dtype, pl.Datetime)
