"""The layouts of real exports, served by the doubles: wide, mostly empty, with names that people chose."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.hubspot import Hubspot
from lakehouse_assets.connectors.salesforce import Salesforce
from lakehouse_assets_tests.doubles.api import serving
from lakehouse_assets_tests.doubles.hubspot import Account, owner
from lakehouse_assets_tests.doubles.salesforce import SECRET, Organisation
from lakehouse_assets_tests.doubles.sources import DAY, rows_of, source_of, table
from lakehouse_assets_tests.tiers import RETAIL

pytestmark = [pytest.mark.integration, pytest.mark.real_data]
SALESFORCE, HUBSPOT = RETAIL.parent / "salesforce_export", RETAIL.parent / "hubspot_export"
AT, AT_HUBSPOT = "2026-01-05T08:00:00.000+0000", "2026-01-05T08:00:00.000Z"


def records_of(path: Path) -> list[dict[str, str | None]]:
    """Return the whole records of an export as Python reads them; names that begin with _ are its tool's."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    whole = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
    return [{name: text or None for name, text in one.items() if not name.startswith("_")} for one in whole]


@contextmanager
def organisation(records: list[dict[str, Any]]) -> Iterator[Organisation]:
    with serving(Organisation(size=3, objects={"Exported": [{**one, "SystemModstamp": AT} for one in records]})) as org:
        yield org


def landed(org: Organisation, columns: list[str], **options: Any) -> pl.DataFrame:  # noqa: ANN401
    asked = table(*columns, options={"object": "Exported", "deleted": True, **options})
    connection = {"url": org.url, "allowedHosts": "127.0.0.1", "clientId": "client", "clientSecret": SECRET}
    source = source_of("salesforce", connection, asked)
    return rows_of(Salesforce(source, Access(environ={})).extract(asked, [DAY])[DAY])


@pytest.mark.parametrize("name", ["account", "contact", "opportunity", "user"])
@pytest.mark.parametrize("bulk", [50_000, 0], ids=["pages", "bulk"])
def test_objects_of_a_real_organisation_land_whole(name: str, bulk: int) -> None:
    records = records_of(SALESFORCE / f"sf_{name}_data.csv")
    columns = list(records[0])

    with organisation(records) as org:
        org.polls = 0
        rows = landed(org, columns, bulkAbove=bulk)

    expected = [tuple(one[column] for column in columns) for one in records]
    assert sorted(rows.select(columns).rows(), key=repr) == sorted(expected, key=repr)


def test_more_fields_than_an_address_holds_are_asked_for_in_bulk() -> None:
    names = [f"a_custom_field_with_a_long_name_{number}__c" for number in range(400)]

    with organisation([{"Id": "1", **dict.fromkeys(names, "x")}]) as org:
        org.polls = 0
        rows = landed(org, ["Id", *names])

    assert rows.select(names).row(0) == ("x",) * 400
    assert not any(one.path.endswith("/query/") or "queryAll" in one.path for one in org.asked)


@pytest.mark.parametrize(("name", "key"), [("company", "id"), ("contact", "id"), ("deal", "deal_id")])
def test_objects_of_a_real_account_land_whole(name: str, key: str) -> None:
    told = records_of(HUBSPOT / f"{name}_data.csv")
    names = {one: one.removeprefix("property_") for one in told[0] if one.startswith("property_")}
    by_id = {str(one[key]): {"id": one[key], **{short: one[long] for long, short in names.items()}} for one in told}
    changed = {"lastmodifieddate": AT_HUBSPOT, "hs_lastmodifieddate": AT_HUBSPOT}
    objects = [{**one, "hs_object_id": number, **changed} for number, one in by_id.items()]
    columns = ["id", *names.values()]

    with serving(Account(tokens=["t"], objects={f"{name}s": objects})) as account:
        asked = table(*columns, key=("id",), options={"object": f"{name}s", "pageSize": 7, "requestsPerSecond": None})
        connection = {"url": account.url, "allowedHosts": "127.0.0.1", "token": "t"}
        source = source_of("hubspot", connection, asked)
        rows = rows_of(Hubspot(source, Access(environ={})).extract(asked, [DAY])[DAY])

    expected = [tuple(one[column] for column in columns) for one in by_id.values()]
    assert sorted(rows.select(columns).rows(), key=repr) == sorted(expected, key=repr)


def test_owners_of_a_real_account_land_whole() -> None:
    told = records_of(HUBSPOT / "owner_data.csv")
    names = {"email": "email", "firstName": "first_name", "lastName": "last_name"}
    given: list[dict[str, Any]] = [{ours: one[theirs] for ours, theirs in names.items()} for one in told]
    owners = [owner(int(str(one["owner_id"])), **values) for one, values in zip(told, given, strict=True)]

    with serving(Account(tokens=["t"], size=30, owners=owners)) as account:
        asked = table("id", *names, options={"object": "owners", "requestsPerSecond": None})
        connection = {"url": account.url, "allowedHosts": "127.0.0.1", "token": "t"}
        source = source_of("hubspot", connection, asked)
        rows = rows_of(Hubspot(source, Access(environ={})).extract(asked, [DAY])[DAY])

    expected = [(str(one["owner_id"]), *(one[theirs] for theirs in names.values())) for one in told]
    assert sorted(rows.select("id", *names).rows(), key=repr) == sorted(expected, key=repr)
