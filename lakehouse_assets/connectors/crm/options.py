"""What sources of kinds `salesforce` and `hubspot` may say; descriptions are the reference."""

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from lakehouse_assets.documents.blocks import Block, Items

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PATH = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)*")
_HOSTS = "Other hosts, and private addresses that are meant, as for kind `rest`."


class Budget(Block):
    """How fast and how often a source is asked."""

    requests_per_second: float | None = Field(None, gt=0, description="How often to ask at most.")
    max_requests: int | None = Field(None, ge=1, description="How often to ask for one partition at most, in one run.")


class CrmOptions(Budget):
    """What all of them know."""

    fields: dict[str, str] = Field(
        default={}, description="Where a column stands that is not a field of its own name: `owner_mail: Owner.Email`."
    )
    constants: dict[str, str] = Field(
        default={}, description="Columns with the same text in every row, such as which system they come from."
    )
    nested: Items[str] = Field((), description="Columns of objects or lists, which are kept as JSON text.")

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, fields: dict[str, str]) -> dict[str, str]:
        for path in fields.values():
            if not PATH.fullmatch(path):
                msg = f"{path!r} is no field, nor one of a related object"
                raise ValueError(msg)
        return fields


class SalesforceConnection(Block):
    """`connection` of a source of kind `salesforce`."""

    url: str = Field(description="The organisation: `https://company.my.salesforce.com`.")
    auth: str = Field("oauth2", description="Who asks: `oauth2` (client credentials) or `bearer`.")
    client_id: str = Field("", description="With `oauth2`: consumer key of the connected app.")
    client_secret: str = Field("", description="With `oauth2`: its secret.")
    token: str = Field("", description="With `bearer`: an access token, which somebody else keeps fresh.")
    version: str = Field("59.0", description="Version of the API.")
    allowed_hosts: str = Field("", description=_HOSTS)


class SalesforceOptions(CrmOptions):
    """`options` of a table of kind `salesforce`."""

    object: str = Field(description="Name of the object: `Account`, `Opportunity`, `Invoice__c`.")
    modified: str = Field("SystemModstamp", description="Field that says when a record was changed.")
    deleted: bool = Field(default=True, description="Whether deleted records come, too, with `IsDeleted`.")
    bulk_above: int = Field(50_000, ge=0, description="A window of more records is read with the bulk API.")
    bulk_size: int = Field(50_000, ge=1, description="Records of a page of the bulk API.")

    @field_validator("object", "modified")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return _checked(name)


class HubspotConnection(Block):
    """`connection` of a source of kind `hubspot`."""

    url: str = Field("https://api.hubapi.com", description="Where the API is.")
    token: str = Field("", description="Token of a private app; or, to have tokens that are renewed, the next three.")
    client_id: str = Field("", description="The app.")
    client_secret: str = Field("", description="Its secret.")
    refresh_token: str = Field("", description="What it exchanges for an access token.")
    allowed_hosts: str = Field("", description=_HOSTS)


class HubspotOptions(CrmOptions):
    """`options` of a table of kind `hubspot`."""

    requests_per_second: float | None = Field(4.0, gt=0, description="How often to ask at most; HubSpot allows 5.")
    object: str = Field(description="What is read: `companies`, `contacts`, `deals`, another object, or `owners`.")
    modified: str = Field(
        "", description="Property that says when a record was changed; by default the one that HubSpot keeps."
    )
    archived: bool = Field(default=True, description="Whether records that were archived come, too, with `archived`.")
    page_size: int = Field(100, ge=1, le=200, description="Records of a page.")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for name in (self.object, self.modified or self.object):
            _checked(name)
        return self

    @property
    def changed(self) -> str:
        """The property that says when a record was changed."""
        return self.modified or ("lastmodifieddate" if self.object == "contacts" else "hs_lastmodifieddate")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = f"{name!r} is no name"
        raise ValueError(msg)
    return name
