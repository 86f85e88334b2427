"""What Salesforce is asked, and what its errors and bulk files say."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lakehouse_assets.connectors.crm.options import SalesforceOptions
from lakehouse_assets.connectors.crm.records import Layout
from lakehouse_assets.connectors.json_text import Record
from lakehouse_assets.connectors.web.client import UnauthorizedError
from lakehouse_assets.errors import PassingSourceError, SourceError

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_CODE = re.compile(r"[A-Z][A-Z_]{2,60}")
_FIELD = re.compile(r"(?:column|field|relationship) '([A-Za-z0-9_.]{1,100})'")
# A moment as bulk files write it; the other API writes +0000.
_BULK_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_PASSING = {
    "REQUEST_LIMIT_EXCEEDED": "throttled",
    "QUERY_TIMEOUT": "timeout",
    "SERVER_UNAVAILABLE": "unavailable",
    "UNKNOWN_EXCEPTION": "unavailable",
}
_GONE = frozenset({"INVALID_QUERY_LOCATOR", "INVALID_LOCATOR", "INVALIDJOB", "INVALIDJOBSTATE"})
_SCHEMA = frozenset({"INVALID_FIELD", "INVALID_TYPE"})
_CREDENTIALS = frozenset({"invalid_client", "invalid_client_id", "invalid_grant", "unauthorized_client"})
_BAD_REQUEST = 400
_AUTH_FIX = "Correct the credentials where they are kept, and what the connected app allows."


def query_of(layout: Layout, options: SalesforceOptions, start: datetime, end: datetime) -> str:
    """Return the query for the records that were changed within a window."""
    fields = dict.fromkeys(".".join(path) for path in layout.paths.values())
    window = (f"{options.modified} {sign} {one.strftime(_MOMENT)}" for sign, one in ((">=", start), ("<", end)))
    return f"SELECT {', '.join(fields)} FROM {options.object} WHERE {' AND '.join(window)}"  # noqa: S608 - names are checked


def explain(status: int, content: bytes, where: str) -> SourceError | None:
    """Return what an answer that is no success means, where Salesforce says more than the status does."""
    code, message = _told(content)
    if code in _CREDENTIALS:
        return UnauthorizedError("unauthorized", f"Salesforce says {code}.", where=where, fix=_AUTH_FIX)
    if code in _PASSING:
        told = f"Salesforce answered {status}: {code}."
        return PassingSourceError(_PASSING[code], told, where=where, fix="Ask less: `requestsPerSecond`, `lookback`.")
    if code in _GONE:
        told = f"what was begun cannot be gone on with ({code})."
        return SourceError("cursor_expired", told, where=where, fix="Run the partition again: it begins anew.")
    if code in _SCHEMA:
        return SourceError(
            "schema_drift",
            f"Salesforce does not know {', '.join(map(repr, _FIELD.findall(message))) or 'a field'} ({code}).",
            where=where,
            fix="Correct the columns, `fields` or `object`; or let the user of the connection see them.",
        )
    if status == _BAD_REQUEST and code:
        return SourceError("query", f"Salesforce answered {status}: {code}.", where=where)
    return None


@dataclass(frozen=True, slots=True)
class BulkPage:
    """Some records of a bulk job, and what asks for the next ones."""

    records: Sequence[Record]
    locator: str


def bulk_bytes(content: bytes, locator: str, rows: str) -> bytes:
    """Return a page of a bulk job as it is kept."""
    return json.dumps({"locator": locator, "rows": rows}).encode() + b"\n" + content


def bulk_page(page: bytes, where: str) -> BulkPage:
    """Return the records of a page of a bulk job; raise PassingSourceError when they are not what was said."""
    head, _, content = page.partition(b"\n")
    told = json.loads(head)  # our own
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise PassingSourceError("corrupt", "a file of a bulk job cannot be read.", where=where) from None
    names, rows = (lines[0], lines[1:]) if lines else ([], [])
    if str(len(rows)) != told["rows"] or any(len(row) != len(names) for row in rows):
        raise PassingSourceError("truncated", "a file of a bulk job ends too early.", where=where)
    locator = "" if told["locator"] == "null" else told["locator"]
    return BulkPage([Record(_nested(names, row)) for row in rows], locator)


def _nested(names: Sequence[str], row: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, text in zip(names, row, strict=True):
        *outer, last = name.split(".")
        node = found
        for key in outer:
            node = node.setdefault(key, {})  # type: ignore[assignment]
        # Salesforce knows no empty text: what is empty is null.
        node[last] = (f"{text[:-1]}+0000" if _BULK_MOMENT.fullmatch(text) else text) or None
    return found


def _told(content: bytes) -> tuple[str, str]:
    try:
        told = json.loads(content)
    except ValueError:
        return "", ""
    first = told[0] if isinstance(told, list) and told else told
    if not isinstance(first, dict):
        return "", ""
    code = str(first.get("errorCode") or first.get("error") or "")
    is_known = _CODE.fullmatch(code) is not None or code in _CREDENTIALS
    return (code, str(first.get("message", ""))) if is_known else ("", "")
