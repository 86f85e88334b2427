"""Euro reference rates as the ECB publishes them: a table of days by currencies, unpivoted to a row a rate.

What belongs here: the layout of `eurofxref-hist.csv` (plain or in its zip), which days have rates, which columns rows
have. What does not: what a rate may be, which is the contract's. A day is read from the whole history, so that a
correction of the past is seen as soon as its day is asked for again.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import polars as pl
from pydantic import Field

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said, Spool
from lakehouse_assets.connectors.target_days import is_closed
from lakehouse_assets.connectors.web.client import Client, Request
from lakehouse_assets.connectors.web.guard import Guard, hosts_in
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import PassingSourceError, SourceError

COLUMNS = ("date", "currency", "rate")
NO_RATE = frozenset({"N/A", ""})
# The whole history is 0.6 MB packed and 2 MB unpacked.
MAX_BYTES = 64 << 20
_ZIP = b"PK\x03\x04"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class EcbConnection(Block):
    """`connection` of a source of kind `ecb`."""

    location: str = Field(description="A file, or an `https://` URL: `eurofxref-hist.zip`, or the CSV in it.")
    allowed_hosts: str = Field("", description="Hosts on private addresses that are meant, as for kind `rest`.")


@dataclass(frozen=True, slots=True)
class _History:
    """Rates by day as they are written, and the newest day."""

    days: Mapping[str, tuple[tuple[str, str], ...]]
    newest: str


class Ecb:
    """Reference rates of the European Central Bank."""

    kind: ClassVar[str] = "ecb"
    connection_block: ClassVar[type[Block]] = EcbConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the rates of every day; none for a day on which none are published."""
        try:
            _require_columns(table)
            history = self._access.attempt(f"the rates of {self._source.name}", self._history)
        except SourceError as error:
            return {day: Rejection(day, error) for day in partitions}
        return {day: self._day(table, history, day) for day in partitions}

    def _day(self, table: SourceTable, history: _History, day: str) -> Extraction | Rejection:
        rates = history.days.get(day, ())
        try:
            if not rates and not is_closed(date.fromisoformat(day)):
                raise _missing(day, history, str(self._source.place))
            spool = Spool(table, day)
            rows = [(day, currency, rate) for currency, rate in rates]
            frame = pl.DataFrame(rows, dict.fromkeys(COLUMNS, pl.String), orient="row")
            spool.add(frame.select(list(table.columns)))
            return spool.extraction(Said(len(rates)))
        except SourceError as error:
            return Rejection(day, error)

    def _history(self) -> _History:
        where = str(self._source.place)
        connection = self._access.connection(self._source)
        location = str(connection.get("location", ""))
        if not location.startswith(("http://", "https://")):
            return _read(_of_file(Path(location.removeprefix("file://")).expanduser(), where), where)
        guard = Guard(location, hosts_in(str(connection.get("allowedHosts", ""))), where)
        timeout, clock = self._access.timeout_seconds, self._access.clock
        with closing(Client(guard, timeout_seconds=timeout, clock=clock, max_bytes=MAX_BYTES)) as client:
            content = client.send(Request(location, {"Accept": "*/*"})).content
        try:
            return _read(content, where)
        except SourceError as error:
            # What came over a network may come whole the next time.
            said = error.what.removeprefix(f"{error.code}: ")
            raise PassingSourceError(error.code, said, where=where, fix=error.fix) from None


def _require_columns(table: SourceTable) -> None:
    if set(table.columns) != set(COLUMNS):
        raise SourceError(
            "options",
            "the columns of euro reference rates are date, currency and rate.",
            where=str(table.place),
            fix="Write `columns: {date: text, currency: text, rate: text}`.",
        )


def _missing(day: str, history: _History, where: str) -> SourceError:
    is_old = day < history.newest
    told = "the history has no rates of this day" if is_old else f"the newest rates are those of {history.newest}"
    old = "Compare with the ECB's page, then close the day in the calendar."
    fix = old if is_old else "Rates come at about 16:00 CET."
    return SourceError("missing", f"{told}.", where=where, fix=fix)


def _of_file(file: Path, where: str) -> bytes:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise SourceError("too_large", f"{file.name} is no history of rates.", where=where)
        return file.read_bytes()
    except FileNotFoundError:
        fix = "Deliver it, or correct `connection.location`."
        raise SourceError("missing", f"{file.name} has not arrived.", where=where, fix=fix) from None
    except OSError as error:
        raise SourceError("unreadable", f"{file.name} cannot be read ({error.strerror}).", where=where) from None


def _read(content: bytes, where: str) -> _History:
    text = _unpacked(content, where) if content.startswith(_ZIP) else content
    try:
        rows = list(_rows(text.decode("utf-8-sig"), where))
    except (UnicodeDecodeError, csv.Error):
        raise SourceError("format", "the rates are no CSV in UTF-8.", where=where, fix="Deliver it anew.") from None
    days = dict(rows)
    if not days:
        raise SourceError("empty", "there is not one day of rates.", where=where, fix="Deliver it anew.")
    if len(days) != len(rows):
        raise SourceError("duplicate", "a day stands there twice.", where=where, fix="Deliver it anew.")
    return _History(days, max(days))


def _unpacked(content: bytes, where: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (entry,) = [one for one in archive.infolist() if one.filename.lower().endswith(".csv")]
            if entry.file_size > MAX_BYTES:
                raise SourceError("too_large", "the file in the zip is no history of rates.", where=where)
            return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, OSError):
        fix = "Deliver it anew; it holds one CSV file."
        raise SourceError("corrupt", "the zip cannot be unpacked.", where=where, fix=fix) from None


def _rows(text: str, where: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    header = [name.strip() for name in next(reader, [])]
    # Lines of the history end with a comma, those of the daily file with a blank behind it.
    names = header[:-1] if header[-1:] == [""] else header
    if names[:1] != ["Date"] or len(names) != len(set(names)) or "" in names:
        told = "the first line does not name Date and currencies."
        raise SourceError("header", told, where=where, fix="Deliver it anew.")
    for number, row in enumerate(reader, 2):
        cells = [cell.strip() for cell in row]
        if len(cells) != len(header):
            told = f"line {number} has {len(cells)} fields, not {len(header)}."
            raise SourceError("truncated", told, where=where, fix="Deliver it anew.")
        day = _day_of(cells[0])
        if day is None:
            raise SourceError("format", f"line {number} begins with no date.", where=where, fix="Deliver it anew.")
        pairs = zip(names[1:], cells[1:], strict=False)
        yield day, tuple((currency, rate) for currency, rate in pairs if rate not in NO_RATE)


def _day_of(text: str) -> str | None:
    """Return a day as `2026-10-30`; the daily file writes it as `30 October 2026`."""
    words = text.split()
    if len(words) == 3 and words[1] in _MONTHS:  # noqa: PLR2004 - day, month and year
        text = f"{words[2]}-{_MONTHS.index(words[1]) + 1:02}-{words[0]:0>2}"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None
