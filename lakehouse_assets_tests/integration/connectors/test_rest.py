"""The kind `rest` against an API on this machine: every way of paging, every way of saying who asks, and counts."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.rest import Rest
from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets_tests.doubles.api import Api, Asked, Told, as_json, bodies, orders, packed, serving
from lakehouse_assets_tests.doubles.sources import DAY, PATIENT, Hands, ask, rows_of, source_of, table

pytestmark = pytest.mark.integration
ITEMS = {"records": "data.items", "total": "meta.total"}
CURSOR = {"path": "cursor", **ITEMS, "paging": {"by": "cursor", "cursor": "meta.next"}}
WAYS: dict[str, dict[str, Any]] = {
    "cursor": CURSOR,
    "page": {"path": "page", **ITEMS, "paging": {"by": "page"}},
    "offset": {"path": "offset", **ITEMS, "paging": {"by": "offset", "size": 3}},
    "link": {"path": "link", "paging": {"by": "link"}},
    "none": {"path": "all"},
}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api(orders(7))) as served:
        yield served


def ids(answer: Extraction | Rejection) -> list[str]:
    return sorted(rows_of(answer)["id"], key=int)


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_all_pages_are_read(options: Mapping[str, Any], api: Api) -> None:
    assert ids(ask(api, options)) == ["1", "2", "3", "4", "5", "6", "7"]


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("count", [0, 1, 6])
def test_the_last_page_may_be_full_or_empty(options: Mapping[str, Any], count: int, api: Api) -> None:
    api.records = orders(count)

    assert len(ids(ask(api, options))) == count


def test_rows_hold_what_the_answer_held(api: Api) -> None:
    api.records = [{"id": 1, "amount": 2.50, "note": "ä"}, {"id": 2, "amount": None, "note": {"no": "text"}}]

    rows = rows_of(ask(api, WAYS["none"])).sort("_defect", nulls_last=False)

    assert rows.select("id", "amount", "note", "_defect", "_line", "_source_object").rows() == [
        ("1", "2.5", "ä", None, None, f"orders@{DAY}"),
        ("2", None, None, "not_scalar", '{"amount":null,"id":2,"note":{"no":"text"}}', f"orders@{DAY}"),
    ]


RATES = {"path": "rates", "records": "rates", "entries": {"key": "currency", "value": "rate"}}


def test_the_entries_of_an_object_are_records_with_what_stands_once_beside_them(api: Api) -> None:
    api.answer = lambda *_: Told(b'{"date": "2026-01-05", "meta": {"at": 7}, "rates": {"USD": 1.170, "JPY": 183}}')
    options = {**RATES, "once": {"date": "date", "published_at": "meta.at"}}

    rows = rows_of(ask(api, options, of=table("date", "currency", "rate", "published_at")))

    assert sorted(rows.select("date", "currency", "rate", "published_at").rows()) == [
        ("2026-01-05", "JPY", "183", "7"),
        ("2026-01-05", "USD", "1.170", "7"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"rates": [1]}', "shape"), (b'{"rates": {"USD": 1, "USD": 2}}', "duplicate_key"), (b"<html>", "not_json")],
)
def test_entries_that_are_none_are_refused(body: bytes, code: str, api: Api) -> None:
    api.answer = lambda *_: Told(body)

    answer = ask(api, RATES, of=table("currency", "rate"))

    assert isinstance(answer, Rejection)
    assert answer.error.code == code


def test_what_the_source_said_is_kept_beside_what_came(api: Api) -> None:
    answer = ask(api, CURSOR)

    assert isinstance(answer, Extraction)
    assert answer.measures == {"objects": 1, "said_rows": 7, "requests": 4, "pages": 4}


@pytest.mark.parametrize(
    ("calendar", "partition", "expected"),
    [
        (
            Calendar(date(2026, 1, 1)),
            DAY,
            "start=2026-01-05T00:00:00Z&end=2026-01-06T00:00:00Z&day=2026-01-05&s=1767571200",
        ),
        (
            Calendar(date(2026, 1, 1), timezone="Europe/Berlin"),
            "2026-03-29",
            "start=2026-03-28T23:00:00Z&end=2026-03-29T22:00:00Z&day=2026-03-29&s=1774738800",
        ),
    ],
    ids=["UTC", "a day of 23 hours"],
)
def test_the_window_is_a_function_of_the_partition(calendar: Calendar, partition: str, expected: str, api: Api) -> None:
    params = {"start": "{start}", "end": "{end}", "day": "{partition}", "s": "{start_epoch}"}
    asked = table(options={"path": "all/{partition}", "params": params})
    source = replace(source_of("rest", {"url": f"{api.url}/", "allowedHosts": "127.0.0.1"}, asked), calendar=calendar)

    Rest(source, Access(environ={})).extract(asked, [partition])

    assert bodies(api.asked) == [f"/all/{partition}?{expected}"]


def test_a_bad_partition_does_not_stop_a_good_one(api: Api) -> None:
    asked = table(options=WAYS["none"])
    source = source_of("rest", {"url": api.url, "allowedHosts": "127.0.0.1"}, asked)
    api.faults[1] = lambda *_: as_json({}, 400)

    answers = Rest(source, Access(environ={})).extract(asked, [DAY, "2026-01-06"])

    assert [type(one) for one in answers.values()] == [Rejection, Extraction]


SIGNED = {
    "bearer": ({"auth": "bearer", "token": "canary"}, "authorization", "Bearer canary"),
    "basic": (
        {"auth": "basic", "user": "ann", "password": "canary"},  # pragma: allowlist secret
        "authorization",
        "Basic YW5uOmNhbmFyeQ==",
    ),
    "header": ({"auth": "header", "apiKey": "canary"}, "x-api-key", "canary"),  # pragma: allowlist secret
    "another header": (
        {"auth": "header", "header": "Key", "apiKey": "canary"},  # pragma: allowlist secret
        "key",
        "canary",
    ),
}


@pytest.mark.parametrize(("connection", "name", "value"), SIGNED.values(), ids=SIGNED)
def test_who_asks_is_said_in_a_header(connection: dict[str, str], name: str, value: str, api: Api) -> None:
    ask(api, CURSOR, connection=connection)

    assert {one.headers[name] for one in api.asked} == {value}


OAUTH = {"auth": "oauth2", "clientId": "client", "clientSecret": "canary-client-secret"}  # pragma: allowlist secret


def test_client_credentials_are_exchanged_once(api: Api) -> None:
    answer = ask(api, CURSOR, connection={**OAUTH, "oauthUrl": f"{api.url}/token"})

    assert len(ids(answer)) == 7
    assert [one.path for one in api.asked].count("/token") == 1


def expired(api: Api, asked: Asked) -> Told:
    """Withdraw the token that is in use, and answer as a server then does."""
    del asked
    api.wanted = "Bearer nobody-has-this"
    return as_json({}, 401)


def test_a_token_that_expires_on_the_way_is_replaced_and_the_page_asked_again(api: Api) -> None:
    api.faults[4] = expired  # A8

    answer = ask(api, CURSOR, connection={**OAUTH, "oauthUrl": f"{api.url}/token"})

    assert len(ids(answer)) == 7
    assert [one.path for one in api.asked] == ["/token", *["/cursor"] * 3, "/token", *["/cursor"] * 2]


def test_a_token_is_replaced_before_it_ends(api: Api) -> None:
    hands = Hands()
    api.faults = {2: late(hands), 4: late(hands)}

    ask(
        api,
        CURSOR,
        connection={**OAUTH, "oauthUrl": f"{api.url}/token"},
        access=Access(environ={}, policy=PATIENT, clock=hands.clock),
    )

    assert len(api.tokens) == 3


def late(hands: Hands) -> Any:  # noqa: ANN401 - a fault
    def fault(api: Api, asked: Asked) -> Told:
        hands.at += 3_600
        return api.list(asked)

    return fault


@pytest.mark.parametrize(
    "connection",
    [
        {"auth": "bearer", "token": "canary-old"},
        {**OAUTH, "clientSecret": "canary-wrong"},  # pragma: allowlist secret
    ],
    ids=["a token", "client credentials"],
)
def test_credentials_that_are_refused_are_told_and_not_tried_on_and_on(connection: dict[str, str], api: Api) -> None:
    api.wanted = "Bearer canary-new"

    answer = ask(api, CURSOR, connection={"oauthUrl": f"{api.url}/token", **connection})

    assert isinstance(answer, Rejection)
    assert answer.error.code == "unauthorized"
    assert "canary" not in str(answer.error)
    assert len(api.asked) <= 2


def test_a_secret_that_was_replaced_meanwhile_is_read_again(api: Api) -> None:
    environ = {"TOKEN": "old"}
    api.wanted = "Bearer old"

    def rotated(api: Api, asked: Asked) -> Told:
        del asked
        environ["TOKEN"], api.wanted = "new", "Bearer new"
        return as_json({}, 401)

    api.faults[3] = rotated
    access = Access(environ=environ, policy=PATIENT, clock=Hands().clock)

    assert len(ids(ask(api, CURSOR, access=access, connection={"auth": "bearer", "token": "${TOKEN}"}))) == 7


def test_requests_keep_the_distance_that_is_asked_for(api: Api) -> None:
    hands = Hands()

    ask(api, {**CURSOR, "requestsPerSecond": 0.5}, access=Access(environ={}, clock=hands.clock))

    assert hands.waits == [2.0, 2.0, 2.0]


def test_packed_answers_are_unpacked(api: Api) -> None:
    api.answer = lambda served, asked: packed(Api.list(served, asked))

    assert len(ids(ask(api, CURSOR))) == 7
    assert {one.headers["accept-encoding"] for one in api.asked} == {"gzip"}


def test_undeclared_keys_are_put_aside_and_told(api: Api) -> None:
    api.records[3]["coupon"] = "x"

    answer = ask(api, CURSOR)

    assert isinstance(answer, Extraction)
    assert sorted(filter(None, rows_of(answer)["_unknown"])) == ['{"coupon":"x"}']
    assert [event.added for event in answer.drift] == [("coupon",)]


def test_a_column_that_no_record_has_is_drift(api: Api) -> None:
    for record in api.records:
        record["worth"] = record.pop("amount")

    answer = ask(api, CURSOR)

    assert isinstance(answer, Rejection)
    assert (answer.error.code, answer.drift[0].removed) == ("schema_drift", ("amount",))  # D5


def test_an_optional_column_that_no_record_has_is_no_part_of_the_rows(api: Api) -> None:
    for record in api.records:
        del record["note"]

    answer = ask(api, CURSOR, of=table(optional_columns=("note",)))

    assert isinstance(answer, Extraction)
    assert answer.absent == {"note"}


def test_a_sample_is_one_page(api: Api) -> None:
    asked = table(options=CURSOR)
    source = source_of("rest", {"url": api.url, "allowedHosts": "127.0.0.1"}, asked)

    answer = Rest(source, Access(environ={})).sample(asked, DAY)

    assert (answer.rows, len(api.asked)) == (2, 1)
