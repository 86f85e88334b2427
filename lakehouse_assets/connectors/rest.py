"""JSON over HTTP, page by page: any API that lists records, by configuration alone.

What belongs here: which pages a window has, counting, resuming. What does not: requests (`web`), records as rows
(`json_rows`), what all kinds do with pages of records (`json_window`).
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.json_rows import JsonRead
from lakehouse_assets.connectors.json_text import value_at
from lakehouse_assets.connectors.json_window import JsonWindow, dropping
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said
from lakehouse_assets.connectors.web.options import RestConnection, RestOptions
from lakehouse_assets.connectors.web.paging import Page, Pager, url_of
from lakehouse_assets.connectors.web.session import Fetched, Session, from_page, to_page
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import DeadLetter

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


class Rest:
    """Records of an API over HTTP."""

    kind: ClassVar[str] = "rest"
    options_block: ClassVar[type[Block]] = RestOptions
    connection_block: ClassVar[type[Block]] = RestConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the records of every window; one that cannot be had never stops another."""
        options = RestOptions.model_validate(dict(table.options))
        try:
            session = Session(self._source, self._access)
        except SourceError as error:
            return {partition: Rejection(partition, error) for partition in partitions}
        with closing(session):
            return {partition: self._answer(session, table, options, partition) for partition in partitions}

    def sample(self, table: SourceTable, partition: str) -> Extraction:
        """Return the first page of a window, without counting it against what the source says."""
        options = RestOptions.model_validate({**table.options, "paging": {}, "total": ""})
        paging = RestOptions.model_validate(dict(table.options)).paging
        with closing(Session(self._source, self._access)) as session:
            window = _Window(self._source, table, options, partition, session.base)
            pager = Pager(window.url, options.model_copy(update={"paging": paging}), str(table.place))
            window.take(session.fetch(pager.first(), options, window.name))
            return window.extraction(session.requests, pager)

    def _answer(
        self, session: Session, table: SourceTable, options: RestOptions, partition: str
    ) -> Extraction | Rejection:
        session.requests, session.last = 0, b""
        try:
            return self._extract(session, table, options, partition)
        except SourceError as error:
            drift = error.drift if isinstance(error, HeaderError) else ()
            return Rejection(partition, error, _letters(session, table, partition, error), drift)

    def _extract(self, session: Session, table: SourceTable, options: RestOptions, partition: str) -> Extraction:
        window = _Window(self._source, table, options, partition, session.base)
        pager = Pager(window.url, options, str(table.place))
        checkpoint = self._access.checkpoints.open(table, partition, f"{window.url} {options.model_dump_json()}")
        kept = checkpoint.pages()
        url: str | None = pager.first()
        while url is not None:
            page = next(kept, None)
            if page is None:
                fetched = session.fetch(url, options, f"{window.name}, page {pager.pages + 1}")
                checkpoint.keep(to_page(fetched.answer))
            else:
                fetched = session.read(from_page(page), options)
            with dropping(checkpoint):
                window.take(fetched)
                answer = fetched.answer
                url = pager.after(Page(answer.url, answer.headers, fetched.value, len(fetched.records)))
        with dropping(checkpoint):
            return window.extraction(session.requests, pager)


@dataclass
class _Window:
    """What is asked for one partition, and what has come of it."""

    source: Source
    table: SourceTable
    options: RestOptions
    partition: str
    base: str
    total: int | None = None

    def __post_init__(self) -> None:
        options = self.options
        read = JsonRead(options.fields, frozenset(options.nested), frozenset(options.ignore))
        self._came = JsonWindow(self.table, self.partition, self.source.calendar.timezone, read)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.source.name}.{self.table.name} of {self.partition}"

    @property
    def url(self) -> str:
        """What is asked first."""
        calendar = self.source.calendar
        start, end = calendar.start_of(self.partition), calendar.end_of(self.partition)
        words = {
            "partition": self.partition,
            "start": start.strftime(_MOMENT),
            "end": end.strftime(_MOMENT),
            "start_epoch": str(int(start.timestamp())),
            "end_epoch": str(int(end.timestamp())),
        }
        return url_of(self.base, self.options, words)

    def take(self, fetched: Fetched) -> None:
        """Take a page."""
        if self.options.total:
            self._count(fetched.value)
        self._came.take(fetched.records)

    def extraction(self, requests: int, pager: Pager) -> Extraction:
        """Return what came; raise SourceError `incomplete` or `schema_drift` when it is not what was said."""
        measures = {"requests": requests, "pages": pager.pages}
        return self._came.extraction(Said(self.total, measures, warnings=tuple(pager.warnings)))

    def _count(self, value: object) -> None:
        found = value_at(value, self.options.total.split("."))
        if not isinstance(found, str) or not found.isdigit():
            raise SourceError(
                "shape",
                f"the answer has no whole number at {self.options.total!r}.",
                where=str(self.table.place),
                fix="Correct `options.total`.",
            )
        self.total = int(found)


def _letters(session: Session, table: SourceTable, partition: str, error: SourceError) -> tuple[DeadLetter, ...]:
    if not session.last:
        return ()
    name, content = f"{table.name}@{partition}", session.without_secrets(session.last)
    return (DeadLetter(table.source, table.name, partition, name, 0, str(error), content),)
