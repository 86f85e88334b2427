"""A Salesforce organisation on this machine: the part of SOQL that is a window, query-more, bulk jobs, tokens.

It keeps records by object, as nested dicts; `IsDeleted` is true for those in the bin. A query is answered from what
there was when it began, as Salesforce does. Its faults are those of `api.Api`.
"""

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from lakehouse_assets_tests.doubles.api import Api, Asked, Told, as_json

SECRET = "canary-consumer-secret"  # noqa: S105  # pragma: allowlist secret
_DATA = "/services/data/v59.0"
_SOQL = re.compile(
    r"SELECT (?P<fields>[\w., ]+) FROM (?P<object>\w+)"
    r"(?: WHERE (?P<from_field>\w+) >= (?P<start>\S+) AND (?P<to_field>\w+) < (?P<end>\S+))?"
)

# Records that a query found, and the fields it asked for.
_Held = tuple[list[dict[str, Any]], list[str]]


@dataclass
class Organisation(Api):
    """The organisation; `size` is how many records a page has. `polls` is how often a bulk job is still at work."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    polls: int = 1
    said: int | None = None
    _held: dict[str, _Held] = field(default_factory=dict)

    def respond(self, asked: Asked) -> Told:
        """Answer a request."""
        fault = self.faults.get(asked.number)
        if fault is not None:
            return fault(self, asked)
        if asked.path == "/services/oauth2/token":
            return self._issue(asked)
        if not self.tokens or asked.headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            return told("INVALID_SESSION_ID", "Session expired or invalid", 401)
        if self.answer is not None:
            return self.answer(self, asked)
        return self.list(asked)

    def list(self, asked: Asked) -> Told:
        """Answer who may ask."""
        path = asked.path.removeprefix(_DATA).strip("/")
        if path in {"query", "queryAll"}:
            return self._begin(asked.query["q"], with_deleted=path == "queryAll")
        if path.startswith("jobs/query"):
            return self._bulk(path.removeprefix("jobs/query").strip("/"), asked)
        held, _, start = path.partition("/")[2].partition("-")
        if held not in self._held:
            return told("INVALID_QUERY_LOCATOR", "invalid query locator", 400)
        return self._page(held, int(start))

    def expire(self) -> None:
        """Let the token that was given last end."""
        self.tokens.append("nobody-has-this-one")

    def forget(self) -> None:
        """Forget all queries and jobs that were begun."""
        self._held = {f"gone{number}": ([], []) for number in range(len(self._held))}

    def _issue(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Basic {b64encode(f'client:{SECRET}'.encode()).decode()}":
            return as_json({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        self.tokens.append(f"canary-session-{len(self.tokens) + 1}")
        return as_json({"access_token": self.tokens[-1], "instance_url": self.url, "token_type": "Bearer"})

    def _begin(self, soql: str, *, with_deleted: bool) -> Told:
        found = self._found(soql, with_deleted=with_deleted)
        if isinstance(found, Told):
            return found
        held = f"01g{len(self._held):015d}"
        self._held[held] = found
        return self._page(held, 0)

    def _found(self, soql: str, *, with_deleted: bool) -> Told | _Held:
        parts = _SOQL.fullmatch(soql)
        if parts is None:
            return told("MALFORMED_QUERY", f"unexpected token: '{soql}'", 400)
        fields, name = parts["fields"].split(", "), parts["object"]
        if name not in self.objects:
            return told("INVALID_TYPE", f"sObject type '{name}' is not supported.", 400)
        records = self.objects[name]
        for one in fields:
            if records and not _has(records[0], one):
                return told("INVALID_FIELD", f"\nSELECT {one}\n  ^\nNo such column '{one}' on entity '{name}'", 400)
        if parts["start"] is not None:
            start, end = _moment(parts["start"]), _moment(parts["end"])
            records = [one for one in records if start <= _moment(one[parts["from_field"]]) < end]
        return [dict(one) for one in records if with_deleted or not one.get("IsDeleted")], fields

    def _page(self, held: str, start: int) -> Told:
        records, fields = self._held[held]
        page, following = records[start : start + self.size], start + self.size
        done = following >= len(records)
        total = len(records) if self.said is None else self.said
        body: dict[str, Any] = {"totalSize": total, "done": done}
        if not done:
            body["nextRecordsUrl"] = f"{_DATA}/query/{held}-{following}"
        return as_json({**body, "records": [_shown(one, fields) for one in page]}, Sforce_Limit_Info="api-usage=1/5000")

    def _bulk(self, path: str, asked: Asked) -> Told:
        if not path:
            wanted = json.loads(asked.body)
            found = self._found(wanted["query"], with_deleted=wanted["operation"] == "queryAll")
            if isinstance(found, Told):
                return found
            job = f"750{len(self._held):015d}"
            self._held[job] = found
            return as_json({"id": job, "state": "UploadComplete"})
        job, _, results = path.partition("/")
        if job not in self._held:
            return told("NOT_FOUND", "The requested resource does not exist", 404)
        records, fields = self._held[job]
        if not results:
            self.polls -= 1
            if self.polls >= 0:
                return as_json({"id": job, "state": "InProgress"})
            return as_json({"id": job, "state": "JobComplete", "numberRecordsProcessed": len(records)})
        start, most = int(asked.query.get("locator", "0")), int(asked.query["maxRecords"])
        page, following = records[start : start + most], start + most
        locator = str(following) if following < len(records) else "null"
        return Told(
            _csv(page, fields).encode(),
            headers={
                "Content-Type": "text/csv; charset=UTF-8",
                "Sforce-Locator": locator,
                "Sforce-NumberOfRecords": str(len(page)),
            },
        )


def told(code: str, message: str, status: int) -> Told:
    """Return an error as Salesforce writes it."""
    return as_json([{"message": message, "errorCode": code}], status)


def record(number: int, at: str = "2026-01-05T08:00:00.000+0000", **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an account."""
    return {
        "Id": f"001{number:015d}",
        "Name": f"Account {number}",
        "AnnualRevenue": number * 1000.5,
        "Owner": {"Email": f"rep{number}@example.com"},
        "IsDeleted": False,
        "SystemModstamp": at,
        **values,
    }


def _has(one: Mapping[str, Any], path: str) -> bool:
    name, _, inner = path.partition(".")
    return name in one and (not inner or one[name] is None or _has(one[name], inner))


def _value(one: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - JSON
    name, _, inner = path.partition(".")
    return one[name] if not inner or one[name] is None else _value(one[name], inner)


def _shown(one: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"attributes": {"type": "Account", "url": f"{_DATA}/sobjects/Account/{one.get('Id')}"}}
    for path in fields:
        name, _, inner = path.partition(".")
        if not inner or one[name] is None:
            shown[name] = one[name]
        else:
            shown.setdefault(name, {"attributes": {"type": "User"}})[inner] = one[name][inner]
    return shown


def _csv(page: list[dict[str, Any]], fields: list[str]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(fields)
    for one in page:
        writer.writerow([_cell(_value(one, path)) for path in fields])
    return written.getvalue()


def _cell(value: Any) -> str:  # noqa: ANN401 - JSON
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return re.sub(r"(T\d\d:\d\d:\d\d\.\d{3})\+0000", r"\1Z", str(value))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(unquote(text).replace("+0000", "+00:00"))
