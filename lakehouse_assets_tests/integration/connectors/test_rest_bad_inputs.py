"""What APIs do to those who ask them: the lines A of the list of bad inputs, and J14, each with what it must get."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.web.client import Client, Request
from lakehouse_assets.connectors.web.guard import Guard
from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.doubles.api import Api, Asked, Told, as_json, orders, packed, serving
from lakehouse_assets_tests.doubles.sources import PATIENT, Hands, ask, rows_of, table

pytestmark = pytest.mark.integration
CURSOR = {
    "path": "cursor",
    "records": "data.items",
    "total": "meta.total",
    "paging": {"by": "cursor", "cursor": "meta.next"},
}
CANARY = "canary-of-the-body"
Fault = Callable[[Api, Asked], Told]


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api(orders(7))) as served:
        yield served


@pytest.fixture
def hands() -> Hands:
    return Hands()


def said(told: Told) -> Fault:
    return lambda _api, _asked: told


def cut(api: Api, asked: Asked) -> Told:
    return replace(api.list(asked), cut=10)


def cut_gzip(api: Api, asked: Asked) -> Told:
    told = packed(api.list(asked))
    return replace(told, body=told.body[:-12])


def corrupt_gzip(api: Api, asked: Asked) -> Told:
    told = packed(api.list(asked))
    return replace(told, body=told.body[:12] + bytes([told.body[12] ^ 0xFF]) + told.body[13:])


def cut_chunks(api: Api, asked: Asked) -> Told:
    body = api.list(asked).body
    chunk = f"{len(body):x}\r\n".encode() + body[:5]
    return Told(chunk, headers={"Transfer-Encoding": "chunked", "Content-Length": ""}, cut=len(chunk))


def short_length(api: Api, asked: Asked) -> Told:
    told = api.list(asked)
    return replace(told, headers={"Content-Length": str(len(told.body) - 9), "Connection": "close"}, cut=len(told.body))


PASSING: dict[str, tuple[Fault, str]] = {
    "A1 429": (said(Told(status=429)), "throttled"),
    "A2 500": (said(Told(status=500)), "unavailable"),
    "A2 502": (said(Told(b"<html>", 502)), "unavailable"),
    "A2 503": (said(Told(status=503)), "unavailable"),
    "A2 cut body": (cut, "connection"),
    "A9 cut gzip": (cut_gzip, "truncated"),
    "A9 damaged gzip": (corrupt_gzip, "corrupt"),
    "A9 cut chunks": (cut_chunks, "connection"),
    "A9 length that is too short": (short_length, "not_json"),
    "J14 HTML with 200": (said(Told(f"<html>{CANARY}</html>".encode())), "not_json"),
    "no UTF-8": (said(Told(b'{"data": "\xff"}')), "encoding"),
}


def answer_of(
    api: Api,
    hands: Hands,
    options: Mapping[str, Any] = CURSOR,
    policy: RetryPolicy = PATIENT,
    **more: Any,  # noqa: ANN401
) -> Extraction | Rejection:
    return ask(api, options, access=Access(environ={}, policy=policy, clock=hands.clock), **more)


@pytest.mark.parametrize(("fault", "code"), PASSING.values(), ids=PASSING)
def test_a_fault_that_passes_is_asked_again_and_costs_nothing(fault: Fault, code: str, api: Api, hands: Hands) -> None:
    api.faults = {2: fault, 3: fault}

    answer = answer_of(api, hands)

    assert sorted(map(int, rows_of(answer)["id"])) == [1, 2, 3, 4, 5, 6, 7]
    assert hands.waits == [1.0, 2.0]
    assert [one.query.get("cursor") for one in api.asked] == [None, "2", "2", "2", "4", "6"]


@pytest.mark.parametrize(("fault", "code"), PASSING.values(), ids=PASSING)
def test_a_fault_that_does_not_pass_is_told_and_nothing_is_published(
    fault: Fault, code: str, api: Api, hands: Hands
) -> None:
    api.faults = dict.fromkeys(range(2, 20), fault)

    answer = answer_of(api, hands)

    assert isinstance(answer, Rejection)
    assert answer.error.code == code
    assert "asked 4 times" in str(answer.error)
    assert CANARY not in str(answer.error)
    assert len(api.asked) == 5


@pytest.mark.parametrize(
    ("asked_for", "waited"),
    [
        ("7", 7.0),
        (formatdate(1_767_225_600.0 + 20, usegmt=True), 20.0),
        ("1000000000", 60.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1.0),
        ("soon", 1.0),
    ],
    ids=["seconds", "a date", "absurd seconds", "an absurd date", "the past", "nonsense"],
)
def test_a_source_is_asked_when_it_says_so_but_within_the_cap(
    asked_for: str, waited: float, api: Api, hands: Hands
) -> None:
    api.faults[2] = said(Told(status=429, headers={"Retry-After": asked_for}))  # A1

    answer_of(api, hands)

    assert hands.waits == [waited]


def test_a_server_that_does_not_answer_in_time_is_given_up(api: Api, hands: Hands) -> None:
    class Slow(list[Any]):
        def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as a list has it
            hands.at += 1_000
            return super().__getitem__(key)

    api.records = Slow(api.records)

    answer = answer_of(api, hands)

    assert isinstance(answer, Rejection)
    assert answer.error.code == "timeout"


LASTING: dict[str, tuple[Fault, str]] = {
    "A3 error body": (
        said(as_json({"data": {"items": []}, "meta": {"total": 7}, "error": {"code": CANARY}})),
        "source_error",
    ),
    "A3 another body": (said(as_json({"message": CANARY})), "shape"),
    "400": (said(as_json({"why": CANARY}, 400)), "refused"),
    "403": (said(as_json({"why": CANARY}, 403)), "permission"),
    "404": (said(as_json({"why": CANARY}, 404)), "not_found"),
    "packed otherwise": (said(Told(b"x", headers={"Content-Encoding": "br"})), "encoding"),
}


@pytest.mark.parametrize(("fault", "code"), LASTING.values(), ids=LASTING)
def test_a_fault_that_stays_is_told_at_once_and_without_the_answer(
    fault: Fault, code: str, api: Api, hands: Hands
) -> None:
    api.faults[2] = fault

    answer = answer_of(api, hands)

    assert isinstance(answer, Rejection)
    assert answer.error.code == code
    assert CANARY not in str(answer.error)
    assert hands.waits == []


def test_what_could_not_be_read_is_kept_without_credentials(api: Api, hands: Hands) -> None:
    api.faults[1] = lambda _, asked: as_json({"message": f"no {asked.headers['authorization']}"})

    answer = answer_of(api, hands, connection={"auth": "bearer", "token": "canary-token"})

    assert isinstance(answer, Rejection)
    assert [letter.content for letter in answer.dead_letters] == [b'{"message": "no *** ***"}']


def test_an_empty_page_that_leads_on_is_followed(api: Api, hands: Hands) -> None:
    api.faults[2] = said(as_json({"data": {"items": []}, "meta": {"total": 7, "next": 2}}))  # A4
    api.faults[1] = said(as_json({"data": {"items": orders(2)}, "meta": {"total": 7, "next": "a"}}))

    assert len(rows_of(answer_of(api, hands))) == 7


def test_after_some_empty_pages_in_a_row_it_stops_and_says_so(api: Api, hands: Hands) -> None:
    def endless(_: Api, asked: Asked) -> Told:
        return as_json({"data": {"items": []}, "meta": {"next": f"n{asked.number}"}})

    api.answer = endless  # A4

    answer = answer_of(api, hands, {**CURSOR, "total": ""})

    assert isinstance(answer, Extraction)
    assert answer.warnings == ("stopped after 3 empty pages in a row, each leading to another",)


@pytest.mark.parametrize("following", [2, "https://other.example/steal"], ids=["same cursor", "another host"])
def test_pages_that_lead_where_they_must_not_are_refused(following: object, api: Api, hands: Hands) -> None:
    code = "cursor_loop" if following == 2 else "ssrf_blocked"  # A5, A10
    api.answer = lambda *_: as_json({"data": {"items": orders(2)}, "meta": {"total": 7, "next": following}})

    answer = answer_of(api, hands)

    assert isinstance(answer, Rejection)
    assert answer.error.code == code


def test_records_that_come_twice_because_pages_moved_are_counted_once(api: Api, hands: Hands) -> None:
    def moved(served: Api, asked: Asked) -> Told:
        served.records = [*orders(1, first=0), *served.records]
        return served.list(asked)

    api.faults[2] = moved  # A6: everything moves by one, and the last of the first page comes again

    answer = answer_of(api, hands, {**CURSOR, "total": ""}, of=table(key=("id",)))

    assert isinstance(answer, Extraction)
    assert sorted(map(int, rows_of(answer)["id"])) == [1, 2, 3, 4, 5, 6, 7]
    assert (answer.deduplicated, answer.warnings) == (1, ("1 records came twice: pages moved while they were read",))


@pytest.mark.parametrize("total", [6, 8])
def test_another_number_of_records_than_the_source_says_is_refused(total: int, api: Api, hands: Hands) -> None:
    api.total = total  # A7

    answer = answer_of(api, hands)

    assert isinstance(answer, Rejection)
    assert answer.error.code == "incomplete"
    assert f"counts {total} rows, 7 arrived" in str(answer.error)


@pytest.mark.parametrize("told", [Told(b"x" * 2_000), packed(Told(bytes(1_000_000)))], ids=["long", "packed too well"])
def test_an_answer_that_is_too_large_is_refused_before_it_fills_the_memory(told: Told, api: Api, hands: Hands) -> None:
    api.answer = said(told)
    guard = Guard(api.url, ("127.0.0.1",))

    with (
        closing(Client(guard, timeout_seconds=5.0, clock=hands.clock, max_bytes=1_000)) as client,
        pytest.raises(SourceError, match="too_large"),
    ):
        client.send(Request(api.url))


REDIRECTS = {
    "a private address": "http://169.254.169.254/latest/meta-data",
    "another name of this machine": "http://localhost:{port}/cursor",
    "another port": "http://127.0.0.1:22/",
    "another host": "https://example.com/cursor",
    "a file": "file:///etc/passwd",
    "credentials in it": "http://a:b@127.0.0.1:{port}/cursor",
}


@pytest.mark.parametrize("target", REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_to_elsewhere_is_refused_and_not_followed(target: str, api: Api, hands: Hands) -> None:
    api.faults[1] = said(Told(status=302, headers={"Location": target.format(port=api.port)}))  # A10

    answer = answer_of(api, hands, connection={"allowedHosts": f"127.0.0.1:{api.port}"})

    assert isinstance(answer, Rejection)
    assert answer.error.code == "ssrf_blocked"
    assert len(api.asked) == 1


def test_a_redirect_to_the_same_host_is_followed(api: Api, hands: Hands) -> None:
    api.faults[1] = said(Told(status=307, headers={"Location": "/cursor?cursor=4"}))

    assert sorted(rows_of(answer_of(api, hands, {**CURSOR, "total": ""}))["id"]) == ["5", "6", "7"]


def test_credentials_are_not_told_to_another_host(api: Api, hands: Hands) -> None:
    with serving(Api(orders(7))) as other:
        api.faults[1] = said(Told(status=302, headers={"Location": f"{other.url}/cursor"}))
        hosts = f"127.0.0.1 127.0.0.1:{other.port}"

        answer_of(api, hands, connection={"auth": "bearer", "token": "canary", "allowedHosts": hosts})

    assert "authorization" in api.asked[0].headers
    assert "authorization" not in other.asked[0].headers


def test_a_private_address_is_asked_only_where_the_connection_says_so(api: Api, hands: Hands) -> None:
    answer = answer_of(api, hands, connection={"allowedHosts": ""})

    assert isinstance(answer, Rejection)
    assert answer.error.code == "ssrf_blocked"
    assert "allowedHosts: 127.0.0.1" in str(answer.error)
    assert api.asked == []


def test_a_budget_of_requests_ends_the_extraction(api: Api, hands: Hands) -> None:
    answer = answer_of(api, hands, {**CURSOR, "maxRequests": 2})

    assert isinstance(answer, Rejection)
    assert (answer.error.code, len(api.asked)) == ("budget", 2)


def test_an_endless_row_of_pages_is_refused(api: Api, hands: Hands) -> None:
    answer = answer_of(api, hands, {**CURSOR, "paging": {**CURSOR["paging"], "maxPages": 3}})  # type: ignore[dict-item]

    assert isinstance(answer, Rejection)
    assert answer.error.code == "too_many_pages"
