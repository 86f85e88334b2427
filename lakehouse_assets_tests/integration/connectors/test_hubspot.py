"""The kind `hubspot` against an account on this machine, which HubSpot's own client knows how to use."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hubspot import HubSpot  # noqa: TID253 - what this is about
from hubspot.crm.objects.exceptions import ApiException, UnauthorizedException  # noqa: TID253

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.hubspot import Hubspot
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import ColumnType, Kind, SourceTable
from lakehouse_assets_tests.doubles.api import Asked, Told, serving
from lakehouse_assets_tests.doubles.hubspot import REFRESH, SECRET, Account, company, owner, told
from lakehouse_assets_tests.doubles.sources import DAY, PATIENT, Hands, rows_of, source_of, table

pytestmark = pytest.mark.integration
COLUMNS = ("id", "name", "annualrevenue", "archived", "changedAt", "crm")
OPTIONS = {"object": "companies", "constants": {"crm": "hubspot"}, "pageSize": 2, "requestsPerSecond": 1000}
COMPANIES = table(*COLUMNS, key=("id",), cursor="changedAt", options=OPTIONS)
OWNERS = table("id", "email", "archived", "changedAt", key=("id",), options={"object": "owners"})
WHO = {"clientId": "app", "clientSecret": SECRET, "refreshToken": REFRESH}


@pytest.fixture
def account() -> Iterator[Account]:
    with serving(Account(size=2, objects={"companies": [company(number) for number in (10, 9, 8, 7, 101)]})) as served:
        yield served


def ask(
    account: Account,
    of: SourceTable = COMPANIES,
    *,
    access: Access | None = None,
    connection: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401
) -> Extraction | Rejection:
    asked = replace(of, options={**of.options, **options})
    where = {"url": account.url, "allowedHosts": "127.0.0.1", **(WHO if connection is None else connection)}
    access = access or Access(environ={}, policy=PATIENT, clock=Hands().clock)
    return Hubspot(source_of("hubspot", where, asked), access).extract(asked, [DAY])[DAY]


def ids(answer: Extraction | Rejection) -> list[int]:
    return sorted(int(one) for one in rows_of(answer)["id"])


def refusal(answer: Extraction | Rejection) -> str:
    assert isinstance(answer, Rejection)
    assert "canary" not in str(answer.error)
    return answer.error.code


def test_the_client_of_the_vendor_reads_the_double(account: Account) -> None:
    account.tokens, account.owners = ["token"], [owner(1), owner(2, archived=True)]
    account.objects["companies"][0]["archivedAt"] = "2026-01-05T09:00:00Z"
    vendor = HubSpot(access_token="token", host=account.url)  # noqa: S106
    by_id = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    above = {"filters": [{"propertyName": "hs_object_id", "operator": "GT", "value": "8"}]}
    asked = {"filterGroups": [above], "sorts": by_id, "properties": ["name"], "limit": 1}

    found = vendor.crm.objects.search_api.do_search("companies", asked)
    archived = vendor.crm.objects.get_all("companies", archived=True, properties=["name"])
    owners = vendor.crm.owners.owners_api.get_page(limit=10)

    assert (found.total, found.results[0].id, found.paging.next.after) == (2, "9", "1")
    assert [one.properties["name"] for one in archived] == ["Company 10"]
    assert [one.email for one in owners.results] == ["rep1@example.com"]


def test_the_double_says_no_as_hubspot_does(account: Account) -> None:
    account.tokens, account.most = ["token"], 3
    search = HubSpot(access_token="token", host=account.url).crm.objects.search_api  # noqa: S106
    asked = {"filterGroups": [{"filters": []}], "properties": [], "limit": 2}

    search.do_search("companies", asked)
    with pytest.raises(ApiException):
        search.do_search("companies", {**asked, "after": "2"})
    account.expire()
    with pytest.raises(UnauthorizedException):
        search.do_search("companies", asked)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_all_pages_are_read(count: int, account: Account) -> None:
    del account.objects["companies"][count:]

    assert ids(ask(account)) == sorted([10, 9, 8, 7, 101][:count])


def test_rows_hold_what_the_records_held(account: Account) -> None:
    account.objects["companies"] = [company(1), company(2, name=None)]

    assert rows_of(ask(account)).sort("id").select(COLUMNS).rows() == [
        ("1", "Company 1", "1000", "false", "2026-01-05T08:00:00.000Z", "hubspot"),
        ("2", None, "2000", "false", "2026-01-05T08:00:00.000Z", "hubspot"),
    ]


def test_a_window_has_its_begin_and_not_its_end(account: Account) -> None:
    moments = ("04T23:59:59.999", "05T00:00:00.000", "05T23:59:59.999", "06T00:00:00.000")
    account.objects["companies"] = [company(number, f"2026-01-{at}Z") for number, at in enumerate(moments)]

    assert ids(ask(account)) == [1, 2]


def test_more_records_than_a_search_gives_are_read_all_the_same(account: Account) -> None:
    account.most = 2

    answer = ask(account)

    assert ids(answer) == [7, 8, 9, 10, 101]
    assert isinstance(answer, Extraction)
    assert answer.said == {"rows": 5}


def test_a_record_that_leaves_the_window_meanwhile_costs_no_other(account: Account) -> None:
    def changed(served: Any, asked: Asked) -> Told:  # noqa: ANN401 - a fault
        served.objects["companies"][3]["hs_lastmodifieddate"] = "2026-02-01T00:00:00Z"
        served.objects["companies"][0]["hs_lastmodifieddate"] = "2026-02-01T00:00:00Z"
        return Account.list(served, asked)

    account.faults[3] = changed  # A6: 7 was read already, 10 was not

    answer = ask(account)

    assert ids(answer) == [7, 8, 9, 101]
    assert isinstance(answer, Extraction)
    assert answer.warnings == ("1 records were changed meanwhile and left the window",)


def test_archived_records_come_on_the_day_they_were_archived(account: Account) -> None:
    old = "2025-06-01T00:00:00.000Z"
    account.objects["companies"] = [
        company(1),
        company(2, old, archivedAt="2026-01-05T10:00:00.000Z"),
        company(3, old, archivedAt="2026-01-06T00:00:00.000Z"),
        company(4, archivedAt="2026-01-05T11:00:00.000Z"),
    ]

    rows = rows_of(ask(account)).sort("id").select("id", "archived", "changedAt").rows()

    assert rows == [
        ("1", "false", "2026-01-05T08:00:00.000Z"),
        ("2", "true", "2026-01-05T10:00:00.000Z"),
        ("4", "true", "2026-01-05T11:00:00.000Z"),
    ]
    assert ids(ask(account, archived=False)) == [1]


def test_owners_come_on_the_day_they_were_changed(account: Account) -> None:
    account.owners = [owner(1), owner(2, "2026-01-07T00:00:00.000Z"), owner(3), owner(4, archived=True), owner(5)]

    answer = ask(account, OWNERS)

    assert ids(answer) == [1, 3, 4, 5]
    assert rows_of(answer).filter(archived="true")["id"].to_list() == ["4"]


def test_contacts_have_another_property_for_changes(account: Account) -> None:
    account.objects["contacts"] = [{"hs_object_id": "5", "email": "a@b.c", "lastmodifieddate": "2026-01-05T01:00:00Z"}]
    contacts = table("id", "email", "changedAt", key=("id",), options={"object": "contacts"})

    assert rows_of(ask(account, contacts)).select("id", "email", "changedAt").rows() == [
        ("5", "a@b.c", "2026-01-05T01:00:00Z")
    ]


def test_properties_are_what_their_columns_are_declared_to_be(account: Account) -> None:
    typed = replace(COMPANIES, columns={**COMPANIES.columns, "annualrevenue": ColumnType(Kind.DECIMAL, 18, 2)})

    rows = rows_of(ask(account, typed))

    assert sorted(map(str, rows["annualrevenue"])) == ["10000.00", "101000.00", "7000.00", "8000.00", "9000.00"]


def test_a_property_that_no_record_has_is_drift(account: Account) -> None:
    for one in account.objects["companies"]:
        one["worth"] = one.pop("annualrevenue")

    answer = ask(account)

    assert refusal(answer) == "schema_drift"  # D5
    assert isinstance(answer, Rejection)
    assert answer.drift[0].removed == ("annualrevenue",)


def test_a_page_that_is_shorter_than_what_is_counted_is_incomplete(account: Account) -> None:
    account.total = 6

    assert refusal(ask(account)) == "incomplete"  # A7


def expired(account: Any, asked: Asked) -> Told:  # noqa: ANN401 - a fault
    account.faults.clear()
    account.expire()
    return Account.respond(account, asked)


@pytest.mark.parametrize("number", [2, 3, 5])
def test_a_token_that_ends_on_the_way_is_replaced_once(number: int, account: Account) -> None:
    account.faults[number] = expired  # A8

    assert ids(ask(account)) == [7, 8, 9, 10, 101]
    assert [one.path for one in account.asked].count("/oauth/v1/token") == 2


def test_a_token_of_a_private_app_is_read_again_when_it_was_replaced(account: Account) -> None:
    account.tokens = ["canary-new"]
    environ = {"TOKEN": "canary-old"}

    def rotated(served: Any, asked: Asked) -> Told:  # noqa: ANN401 - a fault
        served.faults.clear()
        environ["TOKEN"] = "canary-new"  # noqa: S105
        return Account.respond(served, asked)

    account.faults[1] = rotated
    access = Access(environ=environ, policy=PATIENT, clock=Hands().clock)

    assert len(ids(ask(account, access=access, connection={"token": "${TOKEN}"}))) == 5


@pytest.mark.parametrize(
    "connection",
    [{**WHO, "clientSecret": "canary-wrong"}, {"token": "canary-wrong"}],  # pragma: allowlist secret
    ids=["app", "token"],
)
def test_wrong_credentials_are_told_and_not_tried_on_and_on(connection: dict[str, str], account: Account) -> None:
    assert refusal(ask(account, connection=connection)) == "unauthorized"
    assert len(account.asked) <= 2


def answers(*faults: Told) -> dict[int, Callable[[Any, Asked], Told]]:
    return {number: lambda _account, _asked, one=one: one for number, one in enumerate(faults, 3)}  # type: ignore[misc]


TWICE = {
    "429": Told(status=429, headers={"Retry-After": "7"}),
    "502": Told(status=502),
    "half an answer": Told(b'{"total": 5, "results": [', cut=20, headers={"Content-Length": "200"}),
    "HTML": Told(b"<html>log in</html>"),
    "damaged": Told(b"\x1f\x8bno", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", TWICE.values(), ids=TWICE)
def test_what_passes_is_asked_for_again(fault: Told, account: Account) -> None:
    hands = Hands()
    account.faults = answers(fault, fault)  # A1 A2 A9

    answer = ask(account, access=Access(environ={}, policy=PATIENT, clock=hands.clock), requestsPerSecond=None)

    assert ids(answer) == [7, 8, 9, 10, 101]
    assert hands.waits == ([7.0, 7.0] if fault.status == 429 else [1.0, 2.0])


LAST = {
    "not understood": (told("VALIDATION_ERROR", 400), "query"),
    "not allowed": (told("MISSING_SCOPES", 403), "permission"),
    "an error with 200": (Told(b'{"status": "error", "message": "canary"}'), "shape"),  # A3
    "no id": (Told(b'{"total": 5, "results": [{"id": null}, {"id": null}]}'), "shape"),
    "elsewhere": (Told(status=302, headers={"Location": "http://169.254.169.254/"}), "ssrf_blocked"),  # A10
}


@pytest.mark.parametrize(("fault", "code"), LAST.values(), ids=LAST)
def test_what_does_not_pass_is_told(fault: Told, code: str, account: Account) -> None:
    account.faults = answers(fault)

    assert refusal(ask(account)) == code


def test_a_circle_is_left(account: Account) -> None:
    page = b'{"total": 9, "results": [{"id": "1", "properties": {}}, {"id": "1", "properties": {}}]}'
    account.answer = lambda *_: Told(page)  # A5

    assert refusal(ask(account)) == "cursor_loop"


def test_requests_keep_the_distance_that_hubspot_asks_for(account: Account) -> None:
    hands = Hands()

    ask(account, access=Access(environ={}, clock=hands.clock), requestsPerSecond=4)

    assert hands.waits == [0.25, 0.25, 0.25]


def test_a_sample_is_one_page(account: Account) -> None:
    source = source_of("hubspot", {"url": account.url, "allowedHosts": "127.0.0.1", **WHO}, COMPANIES)

    assert Hubspot(source, Access(environ={})).sample(COMPANIES, DAY).rows == 2
