"""JSON over HTTP, page by page: any API that lists records, by configuration alone.

What belongs here: putting the pages of one window together, counting, resuming. What does not: requests (`web`),
records as rows (`json_rows`), keeping rows (`spool`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar

import polars as pl

from lakehouse_assets.connectors.access import Access, Checkpoint
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.json_rows import JsonRead, to_batch
from lakehouse_assets.connectors.json_text import value_at
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said, Spool
from lakehouse_assets.connectors.web.options import RestConnection, RestOptions
from lakehouse_assets.connectors.web.paging import Page, Pager, url_of
from lakehouse_assets.connectors.web.session import Fetched, Session, from_page, to_page
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import ADDED, REMOVED, DeadLetter, DriftEvent

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
            with _dropped(checkpoint):
                window.take(fetched)
                answer = fetched.answer
                url = pager.after(Page(answer.url, answer.headers, fetched.value, len(fetched.records)))
        with _dropped(checkpoint):
            return window.extraction(session.requests, pager)


@dataclass
class _Window:
    """What has come of one partition."""

    source: Source
    table: SourceTable
    options: RestOptions
    partition: str
    base: str
    total: int | None = None
    repeated: int = 0
    rows: int = 0
    _seen: set[str] = field(default_factory=set)
    _unknown: set[str] = field(default_factory=set)
    _met: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        options = self.options
        self._spool = Spool(self.table, self.partition, zone=self.source.calendar.timezone)
        self._read = JsonRead(options.fields, frozenset(options.nested), frozenset(options.ignore))

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
        """Take the records of a page; those that came before, with all they hold, are counted and left out."""
        batch = to_batch(fetched.records, self.table, self._read)
        self._seen |= batch.seen
        self._unknown |= batch.unknown
        if self.options.total:
            self._count(fetched.value)
        rows = self._fresh(batch.rows) if self.table.key else batch.rows
        self.rows += rows.height
        self._spool.add(rows)

    def extraction(self, requests: int, pager: Pager) -> Extraction:
        """Return what came; raise SourceError `incomplete` or `schema_drift` when it is not what was said."""
        self._require_columns()
        again = [f"{self.repeated} records came twice: pages moved while they were read"] if self.repeated else []
        said = Said(
            self.total,
            {"requests": requests, "pages": pager.pages},
            warnings=(*pager.warnings, *again),
            drift=self._added(),
        )
        absent = frozenset(self.table.columns) - self._seen
        return replace(self._spool.extraction(said), deduplicated=self.repeated, absent=absent)

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

    def _fresh(self, rows: pl.DataFrame) -> pl.DataFrame:
        names = list(zip(rows.hash_rows(seed=1), rows.hash_rows(seed=2), strict=True))
        is_fresh = [name not in self._met and not self._met.add(name) for name in names]  # type: ignore[func-returns-value]
        self.repeated += len(is_fresh) - sum(is_fresh)
        return rows.filter(pl.Series(is_fresh, dtype=pl.Boolean))

    def _require_columns(self) -> None:
        missing = [name for name in self.table.columns if name not in {*self._seen, *self.table.optional_columns}]
        if not self.rows or not missing:
            return
        where = str(self.table.place)
        raise HeaderError(
            "schema_drift",
            f"no record has {', '.join(map(repr, missing))}.",
            where=where,
            fix="Correct the columns, say where they stand with `fields`, or add them to `optionalColumns`.",
            drift=(DriftEvent(REMOVED, removed=tuple(missing), where=where),),
        )

    def _added(self) -> tuple[DriftEvent, ...]:
        if not self._unknown or self.table.unknown_columns == "evolve":
            return ()
        return (DriftEvent(ADDED, added=tuple(sorted(self._unknown)), where=f"{self.table.name}@{self.partition}"),)


@contextmanager
def _dropped(checkpoint: Checkpoint) -> Iterator[None]:
    """Forget pages that cannot be used as they are: asking again may bring others."""
    try:
        yield
    except SourceError:
        checkpoint.drop()
        raise


def _letters(session: Session, table: SourceTable, partition: str, error: SourceError) -> tuple[DeadLetter, ...]:
    if not session.last:
        return ()
    name, content = f"{table.name}@{partition}", session.without_secrets(session.last)
    return (DeadLetter(table.source, table.name, partition, name, 0, str(error), content),)
