"""Snowflake's own client on a server that speaks its protocol: days, exact values, sessions, refusals."""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.snowflake import Snowflake, open_session, parameters
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.defs.warehouses import open_snowflake
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.doubles import snowflake
from lakehouse_assets_tests.relations import DAY, NEXT, arrived, refused, relation, source_of

# dagster_snowflake is written for an older pydantic.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
]

NUMBERS = count(1)
COLUMNS = {"order_id": "long", "amount": "decimal(18,4)", "order_date": "date", "sold_at": "timestamp", "note": "text"}
_TYPES = "order_id NUMBER(38,0), amount NUMBER(18,4), order_date DATE, sold_at TIMESTAMP_NTZ, note TEXT"
_VALUES = """
    (1, 12345678901234.5678, '2026-01-05', '2026-01-05 10:00:00.123456', 'it''s'),
    (2, 0.1000, '2026-01-05', '2026-01-05 23:59:59', NULL),
    (3, NULL, '2026-01-06', NULL, 'x')
"""


@pytest.fixture(scope="module")
def account() -> Iterator[Mapping[str, str]]:
    with snowflake.running() as connection:
        yield connection


@pytest.fixture
def orders(account: Mapping[str, str]) -> str:
    """Return the name of a table with three orders."""
    name = f"orders_{next(NUMBERS)}"
    with open_session(account) as session, session.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} ({_TYPES})")
        cursor.execute(f"INSERT INTO {name} VALUES {_VALUES}")  # noqa: S608 - constants
    return name


def table_of(name: str, **options: Any) -> SourceTable:  # noqa: ANN401
    given = {"relation": name, "window": "partition", "partitionColumn": "order_date", **options}
    return relation(COLUMNS, key=("order_id",), options=given)


def extract(
    account: Mapping[str, str], table: SourceTable, *days: str, access: Access | None = None
) -> dict[str, Extraction | Rejection]:
    source = source_of("snowflake", table, account)
    return dict(Snowflake(source, access or Access(environ={})).extract(table, days or (DAY,)))


def test_a_business_day_arrives_exactly(account: Mapping[str, str], orders: str) -> None:
    answers = extract(account, table_of(orders), DAY, NEXT)

    rows = arrived(answers[DAY]).sort("order_id")
    assert rows["amount"].to_list() == [Decimal("12345678901234.5678"), Decimal("0.1000")]
    assert rows["sold_at"].to_list()[0] == datetime(2026, 1, 5, 10, 0, 0, 123456, tzinfo=UTC)
    assert rows["note"].to_list() == ["it's", None]
    assert rows["_defect"].to_list() == [None, None]
    assert arrived(answers[NEXT]).row(0)[:5] == (3, None, date(2026, 1, 6), None, "x")


def test_the_rows_are_as_many_as_the_statement_says(account: Mapping[str, str], orders: str) -> None:
    answer = extract(account, table_of(orders))[DAY]

    assert isinstance(answer, Extraction)
    assert answer.measures["said_rows"] == 2


def test_a_day_without_orders_is_empty(account: Mapping[str, str], orders: str) -> None:
    rows = arrived(extract(account, table_of(orders), "2026-01-07")["2026-01-07"])

    assert rows.is_empty()
    assert str(rows.schema["amount"]) == "Decimal(precision=18, scale=4)"


def test_the_same_day_twice_has_the_same_rows(account: Mapping[str, str], orders: str) -> None:
    first, again = (arrived(extract(account, table_of(orders))[DAY]).sort("_row_id") for _ in range(2))

    assert first.equals(again)


def test_a_session_of_dagsters_resource_says_the_same(account: Mapping[str, str], orders: str) -> None:
    access = Access(environ={}, sessions={"snowflake": open_snowflake})

    ours, dagsters = (
        arrived(extract(account, table_of(orders), access=one)[DAY]).sort("_row_id")
        for one in (Access(environ={}), access)
    )

    assert ours.equals(dagsters)


def test_a_table_that_is_not_there_is_told_without_values(account: Mapping[str, str]) -> None:
    error = refused(extract(account, table_of("nowhere"))[DAY]).error

    assert error.code == "query"
    assert "nowhere" not in str(error).lower()


def test_a_column_that_is_gone_refuses_the_day(account: Mapping[str, str], orders: str) -> None:
    table = relation({**COLUMNS, "gone": "text"}, options=dict(table_of(orders).options))

    assert refused(extract(account, table)[DAY]).error.code == "schema_drift"


@pytest.mark.parametrize("password", [None, "opensesame"])
def test_a_key_pair_is_handed_over_as_the_client_wants_it(password: str | None, tmp_path: Path) -> None:
    pem = _private_key(password)
    (tmp_path / "key.p8").write_bytes(pem)
    told = {"privateKeyPassword": password} if password else {}

    whole = parameters({"account": "a", "privateKey": pem.decode(), **told})
    encoded = parameters({"account": "a", "privateKey": base64.b64encode(pem).decode(), **told})
    named = parameters({"account": "a", "privateKeyPath": str(tmp_path / "key.p8"), **told})

    assert whole["private_key"] == encoded["private_key"]
    assert whole["private_key"].startswith(b"0")
    assert named["private_key_file"] == str(tmp_path / "key.p8")


@pytest.mark.parametrize("opened", [open_session, open_snowflake], ids=["by itself", "under Dagster"])
def test_a_key_pair_opens_a_session(account: Mapping[str, str], orders: str, opened: Any) -> None:  # noqa: ANN401
    given = {key: value for key, value in account.items() if key != "password"}
    locked = {"privateKey": _private_key("opensesame").decode(), "privateKeyPassword": "opensesame"}

    answer = extract({**given, **locked}, table_of(orders), access=Access(environ={}, sessions={"snowflake": opened}))

    assert arrived(answer[DAY]).height == 2


def test_a_key_that_is_none_is_told_without_its_text() -> None:
    with pytest.raises(SourceError, match="the private key cannot be read") as caught:
        parameters({"privateKey": "canary"})  # pragma: allowlist secret

    assert "canary" not in str(caught.value)


def _private_key(password: str | None) -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    locked = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
