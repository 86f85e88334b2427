"""A HubSpot account on this machine: search with filters, sorting and its limit, lists, archived records, tokens.

It keeps records by object: properties with their `hs_object_id`, and `archivedAt` for those that were archived.
Its faults are those of `api.Api`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lakehouse_assets_tests.doubles.api import Api, Asked, Told, as_json

REFRESH, SECRET = "canary-refresh", "canary-app-secret"  # pragma: allowlist secret
_Records = list[dict[str, Any]]
_TESTS: Mapping[str, Callable[[float, float], bool]] = {
    "GTE": lambda have, value: have >= value,
    "GT": lambda have, value: have > value,
    "LT": lambda have, value: have < value,
    "LTE": lambda have, value: have <= value,
    "EQ": lambda have, value: have == value,
}


@dataclass
class Account(Api):
    """The account; `most` is how many records one search gives at most, however it is paged."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    owners: list[dict[str, Any]] = field(default_factory=list)
    most: int = 10_000

    def respond(self, asked: Asked) -> Told:
        """Answer a request."""
        fault = self.faults.get(asked.number)
        if fault is not None:
            return fault(self, asked)
        if asked.path == "/oauth/v1/token":
            return self._issue(asked)
        if not self.tokens or asked.headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            return told("EXPIRED_AUTHENTICATION", 401)
        if self.answer is not None:
            return self.answer(self, asked)
        return self.list(asked)

    def list(self, asked: Asked) -> Told:
        """Answer who may ask."""
        if asked.path.rstrip("/") == "/crm/v3/owners":
            is_archived = asked.query.get("archived", "").lower() == "true"
            return self._page([one for one in self.owners if one["archived"] is is_archived], asked)
        name, _, search = asked.path.removeprefix("/crm/v3/objects/").partition("/")
        if name not in self.objects:
            return told("VALIDATION_ERROR", 400)
        if search == "search":
            return self._search(self.objects[name], json.loads(asked.body))
        is_archived = asked.query.get("archived", "").lower() == "true"
        properties = parse_qs(urlsplit(asked.url).query).get("properties", [])
        found = [one for one in self.objects[name] if bool(one.get("archivedAt")) is is_archived]
        return self._page([_shown(one, properties) for one in found], asked)

    def expire(self) -> None:
        """Let the token that was given last end."""
        self.tokens.append("nobody-has-this-one")

    def _issue(self, asked: Asked) -> Told:
        form = {name: values[-1] for name, values in parse_qs(asked.body.decode()).items()}
        wanted = {"grant_type": "refresh_token", "client_id": "app", "client_secret": SECRET, "refresh_token": REFRESH}
        if form != wanted:
            return as_json({"status": "BAD_REFRESH_TOKEN", "message": "canary"}, 400)
        self.tokens.append(f"canary-access-{len(self.tokens) + 1}")
        return as_json({"access_token": self.tokens[-1], "refresh_token": REFRESH, "expires_in": 1800})

    def _search(self, records: _Records, wanted: Mapping[str, Any]) -> Told:
        (group,) = wanted["filterGroups"]
        found = [one for one in records if not one.get("archivedAt") and _matches(one, group["filters"])]
        for sort in wanted.get("sorts", []):
            found.sort(key=lambda one, name=sort["propertyName"]: _number(one[name]))  # type: ignore[misc]
        limit, start = min(int(wanted.get("limit", 10)), 200), int(wanted.get("after") or 0)
        if start + limit > self.most:
            return told("VALIDATION_ERROR", 400)
        total = len(found) if self.total is None else self.total
        body: dict[str, Any] = {"total": total, "results": [_shown(one, wanted["properties"]) for one in found]}
        body["results"] = body["results"][start : start + limit]
        if start + limit < len(found):
            body["paging"] = {"next": {"after": str(start + limit)}}
        return as_json(body)

    def _page(self, found: _Records, asked: Asked) -> Told:
        start, limit = int(asked.query.get("after", "0")), min(int(asked.query["limit"]), self.size)
        body: dict[str, Any] = {"results": found[start : start + limit]}
        if start + limit < len(found):
            body["paging"] = {"next": {"after": str(start + limit), "link": f"{self.url}{asked.path}"}}
        return as_json(body)


def told(category: str, status: int) -> Told:
    """Return an error as HubSpot writes it."""
    return as_json({"status": "error", "category": category, "message": "canary"}, status)


def company(number: int, at: str = "2026-01-05T08:00:00.000Z", **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a company."""
    made = {"hs_object_id": str(number), "name": f"Company {number}", "annualrevenue": f"{number}000"}
    return {**made, "hs_lastmodifieddate": at, "createdate": "2025-01-01T00:00:00Z", **values}


def owner(number: int, at: str = "2026-01-05T08:00:00.000Z", **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an owner."""
    named = {"id": str(number), "email": f"rep{number}@example.com", "firstName": "Ann", "lastName": f"Of {number}"}
    return {**named, "createdAt": "2025-01-01T00:00:00Z", "updatedAt": at, "archived": False, **values}


def _matches(one: Mapping[str, Any], filters: Any) -> bool:  # noqa: ANN401 - JSON
    return all(_TESTS[each["operator"]](_number(one[each["propertyName"]]), float(each["value"])) for each in filters)


def _number(text: str) -> float:
    return float(text) if text.isdigit() else datetime.fromisoformat(text).timestamp() * 1000


def _shown(one: Mapping[str, Any], properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    names = ("hs_object_id", "createdate", *properties)
    changed = one.get("hs_lastmodifieddate") or one.get("lastmodifieddate")
    shown = {
        "id": one["hs_object_id"],
        "properties": {name: one[name] for name in names if name in one},
        "createdAt": one.get("createdate"),
        "updatedAt": changed,
        "archived": bool(one.get("archivedAt")),
    }
    return {**shown, "archivedAt": one["archivedAt"]} if one.get("archivedAt") else shown
