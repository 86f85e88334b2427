"""A lake whose sources are a Salesforce organisation and a HubSpot account on this machine: the example, as it is."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse_assets_tests.doubles import hubspot, salesforce
from lakehouse_assets_tests.doubles.api import serving
from lakehouse_assets_tests.doubles.hubspot import Account
from lakehouse_assets_tests.doubles.salesforce import Organisation
from lakehouse_assets_tests.repository import ROOT


@dataclass
class Systems:
    """Both systems, and the variables that the example reads its connections from."""

    org: Organisation
    account: Account

    @property
    def variables(self) -> dict[str, str]:
        """What the source files of the example name."""
        return {
            "SALESFORCE_URL": self.org.url,
            "SALESFORCE_CLIENT_ID": "client",
            "SALESFORCE_CLIENT_SECRET": salesforce.SECRET,
            "SALESFORCE_ALLOWED": "127.0.0.1",
            "HUBSPOT_URL": self.account.url,
            "HUBSPOT_CLIENT_ID": "app",
            "HUBSPOT_CLIENT_SECRET": hubspot.SECRET,
            "HUBSPOT_REFRESH_TOKEN": hubspot.REFRESH,
            "HUBSPOT_ALLOWED": "127.0.0.1",
        }


@contextmanager
def running() -> Iterator[Systems]:
    """Serve both, with two of everything."""
    rep = {"FirstName": "Ann", "LastName": "Arbor", "Email": "ann@example.com", "IsActive": True}
    at = {"SystemModstamp": "2026-01-05T08:00:00.000+0000", "IsDeleted": False, "OwnerId": "005A"}
    org = Organisation(
        size=2,
        objects={
            "Account": [_account("001A", "Acme", **at), _account("001B", "Betasoloin", **at)],
            "Contact": [_contact("003A", "ann@acme.example", **at), _contact("003B", "ben@acme.example", **at)],
            "Opportunity": [_opportunity("006A", 1054.0, **at), _opportunity("006B", None, **at)],
            "User": [{"Id": "005A", **rep, **at}, {"Id": "005B", **rep, **at, "IsActive": False}],
        },
    )
    account = Account(
        size=2,
        objects={
            "companies": [hubspot.company(one, **_COMPANY) for one in (11, 12)],
            "contacts": [_person(one) for one in ("21", "22")],
            "deals": [_deal(one) for one in ("31", "32")],
        },
        owners=[hubspot.owner(41), hubspot.owner(42, archived=True)],
    )
    with serving(org), serving(account):
        yield Systems(org, account)


def configuration(folder: Path) -> Path:
    """Return a configuration folder of this repository and the example."""
    shutil.copytree(ROOT / "config", folder / "config")
    shutil.copytree(ROOT / "examples" / "crm", folder / "config", dirs_exist_ok=True)
    return folder / "config"


_COMPANY = {"industry": "RETAIL", "country": "US", "numberofemployees": "12", "hubspot_owner_id": "41"}


def _account(key: str, name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    told = {"Industry": "technolgy", "BillingCountry": "US", "AnnualRevenue": 1100.04, "NumberOfEmployees": 2822}
    return {"Id": key, "Name": name, **told, **more}


def _contact(key: str, email: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"Id": key, "AccountId": "001A", "FirstName": "Ann", "LastName": None, "Email": email, **more}


def _opportunity(key: str, amount: float | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    told = {"Name": f"Deal {key}", "StageName": "Won", "CloseDate": "2026-03-01"}
    return {"Id": key, "AccountId": "001A", "Amount": amount, **told, **more}


def _person(key: str) -> dict[str, Any]:
    named = {"firstname": "Ann", "lastname": "Arbor", "email": f"p{key}@example.com", "associatedcompanyid": "11"}
    at = "2026-01-05T08:00:00.123Z"
    return {"hs_object_id": key, **named, "hubspot_owner_id": "41", "lastmodifieddate": at, "createdate": at}


def _deal(key: str) -> dict[str, Any]:
    told = {"dealname": f"Deal {key}", "dealstage": "closedwon", "amount": "4514", "closedate": "2026-03-01T00:00:00Z"}
    at = "2026-01-05T08:00:00.123Z"
    made = {"hs_primary_associated_company": "11", "hubspot_owner_id": "41", "createdate": at}
    return {"hs_object_id": key, **told, **made, "hs_lastmodifieddate": at}
