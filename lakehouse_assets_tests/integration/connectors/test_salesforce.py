"""The kind `salesforce` against an organisation on this machine, which Salesforce's usual client knows how to use."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce as Vendor  # noqa: TID253 - what this is about
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest  # noqa: TID253

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.salesforce import Salesforce
from lakehouse_assets.contracts.model import ColumnType, Kind, SourceTable
from lakehouse_assets_tests.doubles.api import Asked, Told, serving
from lakehouse_assets_tests.doubles.salesforce import SECRET, Organisation, record, told
from lakehouse_assets_tests.doubles.sources import DAY, PATIENT, Hands, rows_of, source_of, table

pytestmark = pytest.mark.integration
COLUMNS = ("Id", "Name", "AnnualRevenue", "owner_mail", "IsDeleted", "SystemModstamp", "crm")
OPTIONS = {"object": "Account", "fields": {"owner_mail": "Owner.Email"}, "constants": {"crm": "salesforce"}}
ACCOUNTS = table(*COLUMNS, key=("Id",), cursor="SystemModstamp", options=OPTIONS)
WHO = {"clientId": "client", "clientSecret": SECRET}


@pytest.fixture
def org() -> Iterator[Organisation]:
    with serving(Organisation(size=2, objects={"Account": [record(number) for number in range(1, 6)]})) as served:
        yield served


def ask(
    org: Organisation,
    of: SourceTable = ACCOUNTS,
    *,
    access: Access | None = None,
    connection: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401
) -> Extraction | Rejection:
    asked = replace(of, options={**of.options, **options})
    where = {"url": org.url, "allowedHosts": "127.0.0.1", **WHO, **(connection or {})}
    access = access or Access(environ={}, policy=PATIENT, clock=Hands().clock)
    return Salesforce(source_of("salesforce", where, asked), access).extract(asked, [DAY])[DAY]


def ids(answer: Extraction | Rejection) -> list[int]:
    return sorted(int(one[3:]) for one in rows_of(answer)["Id"])


def refusal(answer: Extraction | Rejection) -> str:
    assert isinstance(answer, Rejection)
    assert "canary" not in str(answer.error)
    return answer.error.code


class Plain(HTTPAdapter):
    """The client insists on https; the organisation of a test has none."""

    def send(self, request: requests.PreparedRequest, *args: Any, **named: Any) -> requests.Response:  # noqa: ANN401
        request.url = str(request.url).replace("https://", "http://", 1)
        return super().send(request, *args, **named)


@pytest.fixture
def vendor(org: Organisation) -> Vendor:
    session = requests.Session()
    session.mount("https://", Plain())
    answer = session.post(f"https://127.0.0.1:{org.port}/services/oauth2/token", auth=("client", SECRET))
    return Vendor(session_id=answer.json()["access_token"], instance_url=org.url, session=session)


def test_the_client_of_the_vendor_reads_the_double(org: Organisation, vendor: Vendor) -> None:
    org.objects["Account"].append(record(6, IsDeleted=True))
    soql = "SELECT Id, Owner.Email FROM Account"

    living, everything = vendor.query_all(soql), vendor.query_all(soql, include_deleted=True)
    bulk: Any = vendor.bulk2
    (file,) = bulk.Account.query(soql, wait=0)

    assert (living["totalSize"], everything["totalSize"]) == (5, 6)
    assert living["records"][0]["Owner"]["Email"] == "rep1@example.com"
    assert str(file).count("\n") == 1 + 5


def test_the_double_says_no_as_salesforce_does(org: Organisation, vendor: Vendor) -> None:
    with pytest.raises(SalesforceMalformedRequest):
        vendor.query("SELECT Nothing FROM Account")
    org.expire()
    with pytest.raises(SalesforceExpiredSession):
        vendor.query("SELECT Id FROM Account")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_all_pages_are_read(count: int, org: Organisation) -> None:
    del org.objects["Account"][count:]

    assert ids(ask(org)) == list(range(1, count + 1))


def test_rows_hold_what_the_records_held(org: Organisation) -> None:
    org.objects["Account"] = [record(1), record(2, Owner=None, Name=None)]

    rows = rows_of(ask(org)).sort("Id").select(COLUMNS).rows()

    moment = "2026-01-05T08:00:00.000+0000"
    assert rows == [
        ("001000000000000001", "Account 1", "1000.5", "rep1@example.com", "false", moment, "salesforce"),
        ("001000000000000002", None, "2001.0", None, "false", moment, "salesforce"),
    ]


def test_a_window_has_its_begin_and_not_its_end(org: Organisation) -> None:
    moments = (
        "2026-01-04T23:59:59.999",
        "2026-01-05T00:00:00.000",
        "2026-01-05T23:59:59.999",
        "2026-01-06T00:00:00.000",
    )
    org.objects["Account"] = [record(number, f"{at}+0000") for number, at in enumerate(moments)]

    assert ids(ask(org)) == [1, 2]


def test_deleted_records_come_unless_they_are_not_wanted(org: Organisation) -> None:
    org.objects["Account"][0]["IsDeleted"] = True

    assert rows_of(ask(org)).filter(IsDeleted="true")["Id"].to_list() == ["001000000000000001"]
    assert ids(ask(org, deleted=False)) == [2, 3, 4, 5]


def test_a_large_window_comes_in_bulk_and_says_the_same(org: Organisation) -> None:
    org.objects["Account"][1] |= {"Name": 'a "quoted",\nbroken name', "Owner": None, "AnnualRevenue": None}

    paged, bulk = ask(org), ask(org, bulkAbove=4, bulkSize=2)

    assert rows_of(paged).sort("Id").equals(rows_of(bulk).sort("Id"))
    assert isinstance(bulk, Extraction)
    assert bulk.measures == {"objects": 1, "said_rows": 5, "requests": 7, "pages": 5, "bulk": 1}


def test_bulk_values_are_what_their_columns_are_declared_to_be(org: Organisation) -> None:
    typed = replace(
        ACCOUNTS,
        columns={
            **ACCOUNTS.columns,
            "AnnualRevenue": ColumnType(Kind.DECIMAL, 18, 2),
            "IsDeleted": ColumnType(Kind.BOOLEAN),
        },
    )

    paged, bulk = rows_of(ask(org, typed)), rows_of(ask(org, typed, bulkAbove=0))

    assert paged.sort("Id").equals(bulk.sort("Id"))
    assert bulk["_defect"].null_count() == 5


def test_what_salesforce_counts_is_kept_and_compared(org: Organisation) -> None:
    counted = ask(org)
    org.said = 6

    assert isinstance(counted, Extraction)
    assert counted.said == {"rows": 5}
    assert refusal(ask(org)) == "incomplete"  # A7


def expired(org: Any, asked: Asked) -> Told:  # noqa: ANN401 - a fault
    org.faults.clear()
    org.expire()
    return Organisation.respond(org, asked)


@pytest.mark.parametrize("bulk", [{}, {"bulkAbove": 0, "bulkSize": 2}], ids=["pages", "bulk"])
@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_token_that_ends_on_the_way_is_replaced_once(number: int, bulk: dict[str, Any], org: Organisation) -> None:
    org.faults[number] = expired  # A8

    assert ids(ask(org, **bulk)) == [1, 2, 3, 4, 5]
    assert [one.path for one in org.asked].count("/services/oauth2/token") == 2


def test_a_given_token_is_read_again_when_it_was_replaced(org: Organisation) -> None:
    org.tokens = ["canary-new"]
    environ = {"TOKEN": "canary-old"}

    def rotated(served: Any, asked: Asked) -> Told:  # noqa: ANN401 - a fault
        served.faults.clear()
        environ["TOKEN"] = "canary-new"  # noqa: S105
        return Organisation.respond(served, asked)

    org.faults[1] = rotated
    access = Access(environ=environ, policy=PATIENT, clock=Hands().clock)

    assert len(ids(ask(org, access=access, connection={"auth": "bearer", "token": "${TOKEN}"}))) == 5


@pytest.mark.parametrize(
    "connection",
    [{"clientSecret": "canary-wrong"}, {"auth": "bearer", "token": "canary-wrong"}],  # pragma: allowlist secret
    ids=["client", "token"],
)
def test_wrong_credentials_are_told_and_not_tried_on_and_on(connection: dict[str, str], org: Organisation) -> None:
    assert refusal(ask(org, connection=connection)) == "unauthorized"
    assert len(org.asked) <= 2


def answers(*faults: Told) -> dict[int, Callable[[Any, Asked], Told]]:
    return {number: lambda _org, _asked, one=one: one for number, one in enumerate(faults, 3)}  # type: ignore[misc]


TWICE = {
    "429": Told(status=429, headers={"Retry-After": "7"}),
    "503": Told(status=503),
    "half an answer": Told(b'{"totalSize": 5, "done": true, "rec', cut=20, headers={"Content-Length": "200"}),
    "HTML": Told(b"<html>log in</html>"),
    "nothing": Told(),
    "damaged": Told(b"\x1f\x8bno", headers={"Content-Encoding": "gzip"}),
    "limit": told("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403),
}


@pytest.mark.parametrize("fault", TWICE.values(), ids=TWICE)
@pytest.mark.parametrize("bulk", [{}, {"bulkAbove": 0, "bulkSize": 2}], ids=["pages", "bulk"])
def test_what_passes_is_asked_for_again(fault: Told, bulk: dict[str, Any], org: Organisation) -> None:
    hands = Hands()
    org.faults = answers(fault, fault)  # A1 A2 A9

    answer = ask(org, access=Access(environ={}, policy=PATIENT, clock=hands.clock), **bulk)

    assert ids(answer) == [1, 2, 3, 4, 5]
    assert hands.waits[:2] == ([7.0, 7.0] if fault.status == 429 else [1.0, 2.0])


LAST = {
    "no such field": (told("INVALID_FIELD", "No such column 'Region__c' on entity 'Account'", 400), "schema_drift"),
    "not allowed": (told("INSUFFICIENT_ACCESS", "no", 403), "permission"),
    "cursor": (told("INVALID_QUERY_LOCATOR", "invalid query locator", 400), "cursor_expired"),
    "malformed": (told("MALFORMED_QUERY", "canary", 400), "query"),
    "an error with 200": (Told(b'[{"errorCode": "X"}]'), "shape"),  # A3
    "elsewhere": (Told(status=302, headers={"Location": "http://169.254.169.254/"}), "ssrf_blocked"),  # A10
    "a page elsewhere": (
        Told(b'{"totalSize": 5, "done": false, "nextRecordsUrl": "@evil.example", "records": []}'),
        "shape",
    ),
}


@pytest.mark.parametrize(("fault", "code"), LAST.values(), ids=LAST)
def test_what_does_not_pass_is_told(fault: Told, code: str, org: Organisation) -> None:
    org.faults = answers(fault)

    assert refusal(ask(org)) == code


def test_a_circle_is_left(org: Organisation) -> None:
    page = b'{"totalSize": 5, "done": false, "nextRecordsUrl": "/services/data/v59.0/query/1", "records": [{}]}'
    org.answer = lambda *_: Told(page)  # A5

    assert refusal(ask(org)) == "cursor_loop"


def test_empty_pages_that_lead_on_and_on_are_left(org: Organisation) -> None:
    page = '{"totalSize": 5, "done": false, "nextRecordsUrl": "/services/data/v59.0/query/%d", "records": []}'
    org.answer = lambda _, asked: Told((page % asked.number).encode())  # A4

    assert refusal(ask(org)) == "incomplete"
    assert len(org.asked) < 6


def test_a_bulk_job_that_fails_is_told(org: Organisation) -> None:
    org.faults = {4: lambda *_: Told(b'{"id": "750", "state": "Failed", "errorMessage": "canary"}')}

    assert refusal(ask(org, bulkAbove=0)) == "bulk"


def test_a_file_with_fewer_rows_than_it_says_is_asked_for_again(org: Organisation) -> None:
    said = {"Sforce-NumberOfRecords": "5", "Sforce-Locator": "null"}
    org.faults = {6: lambda *_: Told(b'"Id"\n"1"\n', headers=said)}

    assert ids(ask(org, bulkAbove=0)) == [1, 2, 3, 4, 5]


def test_a_column_that_is_no_field_is_refused_before_anything_is_asked(org: Organisation) -> None:
    asked = table("Id", "Name FROM User", key=("Id",), options={"object": "Account"})

    assert refusal(ask(org, asked)) == "options"
    assert org.asked == []


def test_a_budget_is_kept(org: Organisation) -> None:
    assert refusal(ask(org, maxRequests=2)) == "budget"


def test_a_sample_is_one_page(org: Organisation) -> None:
    source = source_of("salesforce", {"url": org.url, "allowedHosts": "127.0.0.1", **WHO}, ACCOUNTS)

    assert Salesforce(source, Access(environ={})).sample(ACCOUNTS, DAY).rows == 2
