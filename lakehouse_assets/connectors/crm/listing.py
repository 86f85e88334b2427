"""What HubSpot is asked: records that were changed within a window, by id; lists of what was archived, and of owners.

What belongs here: requests, and which of their records belong to a window. What does not: sending them, which is
`crm.transport`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lakehouse_assets.connectors.crm.options import HubspotOptions
from lakehouse_assets.connectors.json_text import Record, value_at
from lakehouse_assets.connectors.web.client import UnauthorizedError
from lakehouse_assets.errors import SourceError

OWNERS = "owners"
# Keys of a record that are no properties; `changedAt` is ours: when it was archived, or else changed.
CHANGED_AT = "changedAt"
OWN_KEYS = frozenset({"id", "createdAt", "updatedAt", "archived", "archivedAt", CHANGED_AT})
_ID = "hs_object_id"
_CREDENTIALS = frozenset(
    {"BAD_CLIENT_ID", "BAD_CLIENT_SECRET", "BAD_REFRESH_TOKEN", "EXPIRED_AUTHENTICATION"}
    | {"invalid_client", "invalid_grant"}
)
_AUTH_FIX = "Correct the credentials where they are kept; the app needs the scopes of what is read."


@dataclass(frozen=True, slots=True)
class Span:
    """A window: from its begin, up to its end and without it."""

    start: datetime
    end: datetime

    def search(self, options: HubspotOptions, properties: Sequence[str], after: str) -> dict[str, Any]:
        """Return what finds the records that were changed in it and come after an id.

        Never a page of an answer: whatever changes meanwhile leaves the window, and would move all pages behind it;
        and there are no pages beyond 10,000 records.
        """
        filters = [
            {"propertyName": options.changed, "operator": "GTE", "value": _millis(self.start)},
            {"propertyName": options.changed, "operator": "LT", "value": _millis(self.end)},
        ]
        if after:
            filters.append({"propertyName": _ID, "operator": "GT", "value": after})
        return {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": _ID, "direction": "ASCENDING"}],
            "properties": list(properties),
            "limit": options.page_size,
        }

    def mine(self, records: Sequence[Record], key: str, *, is_archived: bool) -> Iterator[Record]:
        """Yield the records of a list whose time is in it, and those whose time nobody can read."""
        for record in records:
            moment = _moment(value_at(record.value, [key]))
            is_meant = value_at(record.value, ["archived"]) in {is_archived, None}
            if is_meant and (moment is None or self.start <= moment < self.end):
                yield record


def with_change(record: Record, options: HubspotOptions) -> Record:
    """Return a record that says when it was archived, or else changed."""
    if not isinstance(record.value, Mapping):
        return record
    changed = value_at(record.value, ["properties", options.changed]) or record.value.get("updatedAt")
    is_archived = record.value.get("archived") is True
    at = record.value.get("archivedAt") if is_archived else None
    return replace(record, value={**record.value, CHANGED_AT: at or changed})


def id_of(records: Sequence[Record], where: str) -> str:
    """Return the id of the last record; raise SourceError `shape` when it has none."""
    found = value_at(records[-1].value, ["id"]) if records else None
    if isinstance(found, str) and found.isdigit():
        return found
    raise SourceError("shape", "the last record of a page has no id.", where=where, fix="Ask by hand what is answered.")


def explain(status: int, content: bytes, where: str) -> SourceError | None:
    """Return what an answer that is no success means, where HubSpot says more than the status does."""
    del status
    try:
        told = json.loads(content)
    except ValueError:
        return None
    said = {str(told.get(key)) for key in ("category", "status", "error")} if isinstance(told, dict) else set()
    known = sorted(said & _CREDENTIALS)
    if known:
        return UnauthorizedError("unauthorized", f"HubSpot says {known[0]}.", where=where, fix=_AUTH_FIX)
    if said & {"VALIDATION_ERROR"}:
        return SourceError(
            "query",
            "HubSpot does not accept what is asked (VALIDATION_ERROR).",
            where=where,
            fix="Check `object`, `modified` and `fields` of the options.",
        )
    return None


def _millis(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
