"""HubSpot through its own client: records by when they were changed, archived ones too, and owners.

What belongs here: which requests a window takes. What does not: what they say (`crm.listing`), sending them
(`crm.transport`), asking again and resuming (`crm.asking`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, ClassVar

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.crm.asking import Asking, Page, page_of
from lakehouse_assets.connectors.crm.listing import OWN_KEYS, OWNERS, Span, explain, id_of, with_change
from lakehouse_assets.connectors.crm.options import HubspotConnection, HubspotOptions
from lakehouse_assets.connectors.crm.records import Layout, layout_of
from lakehouse_assets.connectors.crm.transport import Pool, Raw, Wire
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.json_rows import JsonRead
from lakehouse_assets.connectors.json_text import Record, value_at
from lakehouse_assets.connectors.json_window import JsonWindow
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said
from lakehouse_assets.connectors.web.client import Client
from lakehouse_assets.connectors.web.guard import Guard, hosts_in
from lakehouse_assets.connectors.web.signing import Fixed
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import MissingExtraError, SourceError

_HOME = "https://api.hubapi.com"
_ARCHIVED_SIZE = 100


class Hubspot:
    """Records of a HubSpot account."""

    kind: ClassVar[str] = "hubspot"
    options_block: ClassVar[type[Block]] = HubspotOptions
    connection_block: ClassVar[type[Block]] = HubspotConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the records that were changed in every window; one that cannot be had never stops another."""
        try:
            account = _Account(self._source, self._access)
        except SourceError as error:
            return {partition: Rejection(partition, error) for partition in partitions}
        with closing(account):
            return {partition: _answer(account, table, partition) for partition in partitions}

    def sample(self, table: SourceTable, partition: str) -> Extraction:
        """Return the first page of a window."""
        with closing(_Account(self._source, self._access)) as account:
            return _Window(account, table, partition).sample()


def _answer(account: "_Account", table: SourceTable, partition: str) -> Extraction | Rejection:
    try:
        return _Window(account, table, partition).extraction()
    except SourceError as error:
        return Rejection(partition, error, drift=error.drift if isinstance(error, HeaderError) else ())


class _Account:
    """The way to an account. To be closed."""

    def __init__(self, source: Source, access: Access) -> None:
        self.source, self.access, self.where = source, access, str(source.place)
        connection = self._connection()
        self._url = str(connection.get("url", _HOME)).rstrip("/")
        guard = Guard(self._url, hosts_in(str(connection.get("allowedHosts", ""))), self.where)
        told = partial(explain, where=self.where)
        self._client = Client(guard, timeout_seconds=access.timeout_seconds, clock=access.clock, explain=told)
        self.wire = Wire(self._client, self._url)
        self._is_renewed = bool(connection.get("refreshToken"))
        self._token = ""
        self._fixed = None if self._is_renewed else Fixed(self._connection, self.where)

    def vendor(self) -> Any:  # noqa: ANN401 - the client says nothing of its types
        """Return the client with the token of now."""
        return self._vendor(self._fresh_token())

    def through(self, api: Any) -> Any:  # noqa: ANN401 - same
        """Return a part of the client that sends what it sends through our door."""
        api.api_client.rest_client.pool_manager = Pool(self.wire)
        return api

    def renew(self) -> bool:
        """Get another token after one was refused; return whether there is any."""
        if self._fixed is not None:
            return self._fixed.renew()
        self._token = ""
        return True

    def close(self) -> None:
        """Give all connections back."""
        self._client.close()

    def _fresh_token(self) -> str:
        if self._fixed is not None:
            return self._fixed.headers()["Authorization"].removeprefix("Bearer ")
        if not self._token:
            connection = self._connection()
            tokens = self.through(self._vendor("").oauth.tokens_api)
            answer: Raw = tokens.create(
                grant_type="refresh_token",
                client_id=connection.get("clientId"),
                client_secret=connection.get("clientSecret"),
                refresh_token=connection.get("refreshToken"),
                _preload_content=False,
            )
            self._token = _token_in(answer.data, self.where)
        return self._token

    def _vendor(self, token: str) -> Any:  # noqa: ANN401
        try:
            from hubspot import HubSpot
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "HubSpot's client is not installed.",
                where=self.where,
                fix="Run pip install 'lakehouse-assets[hubspot]'.",
            ) from error
        return HubSpot(access_token=token, host=self._url)

    def _connection(self) -> Mapping[str, Any]:
        return {**self.access.connection(self.source), "auth": "bearer"}


def _token_in(content: bytes, where: str) -> str:
    try:
        token = json.loads(content)["access_token"]
    except (ValueError, KeyError, TypeError):
        token = None
    if isinstance(token, str) and token.isprintable() and token:
        return token
    raise SourceError("unauthorized", "the answer to the refresh token holds no token.", where=where)


class _Window:
    """What is asked for one partition, and what has come of it."""

    def __init__(self, account: _Account, table: SourceTable, partition: str) -> None:
        self._account, self._options = account, HubspotOptions.model_validate(dict(table.options))
        calendar, self._where = account.source.calendar, str(table.place)
        self._span = Span(calendar.start_of(partition), calendar.end_of(partition))
        layout = layout_of(table, self._options)
        self._is_of_owners = self._options.object == OWNERS
        is_own = OWN_KEYS.__contains__ if not self._is_of_owners else lambda _: True
        paths = {name: path if is_own(path[0]) else ("properties", *path) for name, path in layout.paths.items()}
        self._layout = Layout(table, paths, layout.constants)
        asked = [path[1] for path in paths.values() if path[0] == "properties"]
        self._properties = list(dict.fromkeys([*asked, self._options.changed]))
        self._came = JsonWindow(table, partition, calendar.timezone, JsonRead(nested=frozenset(self._options.nested)))
        window = f"{account.wire.home} {self._span} {self._properties} {self._options.model_dump_json()}"
        self._asking = Asking(
            account.access,
            account.access.checkpoints.open(table, partition, window),
            f"{table.source}.{table.name} of {partition}",
            self._where,
            self._options,
            account.renew,
        )

    def extraction(self) -> Extraction:
        """Return all records; raise SourceError when they are not what HubSpot counted."""
        with self._asking.judged():
            said, warnings = (None, ()) if self._is_of_owners else self._search()
            listed = self._list_archived() if self._options.archived else 0
            if self._is_of_owners:
                self._list(self._ask_owners, "updatedAt", is_archived=False)
            measures = {"requests": self._asking.requests, "pages": self._asking.pages, "archived": listed}
            total = None if said is None else said + listed
            return self._came.extraction(Said(total, measures, warnings=warnings))

    def sample(self) -> Extraction:
        """Return the records of the first page."""
        if self._is_of_owners:
            page = self._asking.page(lambda: self._ask_owners("", is_archived=False), self._read)
            self._take(list(self._span.mine(page.records, "updatedAt", is_archived=False)))
        else:
            self._take(self._asking.page(lambda: self._ask_search(""), self._read).records)
        return self._came.extraction(Said())

    def _search(self) -> tuple[int, tuple[str, ...]]:
        after, first, rows = "", None, 0
        while True:
            page = self._asking.page(partial(self._ask_search, after), self._read)
            total, count = page.number("total"), len(page.records)
            first = total if first is None else first
            if count != min(total, self._options.page_size):
                raise _incomplete(total, count, self._where)
            self._take(page.records)
            rows += count
            if total == count:
                break
            after = id_of(page.records, self._where)
            self._asking.follow(after, count)
        left = first - rows
        return rows, (f"{left} records were changed meanwhile and left the window",) if left else ()

    def _list_archived(self) -> int:
        ask, key = (self._ask_owners, "updatedAt") if self._is_of_owners else (self._ask_archived, "archivedAt")
        return self._list(ask, key, is_archived=True)

    def _list(self, ask: Callable[..., bytes], key: str, *, is_archived: bool) -> int:
        after, found = "", 0
        while True:
            page = self._asking.page(partial(ask, after, is_archived=is_archived), self._read)
            mine = list(self._span.mine(page.records, key, is_archived=is_archived))
            self._take(mine)
            found += len(mine)
            lead = value_at(page.value, ["paging", "next", "after"])
            if lead is None:
                return found
            after = str(lead)
            self._asking.follow(f"{is_archived} {after}", len(page.records))

    def _take(self, records: Sequence[Record]) -> None:
        changed = (with_change(record, self._options) for record in records)
        self._came.take([self._layout.flat(record, filled=False) for record in changed])

    def _ask_search(self, after: str) -> bytes:
        api = self._account.through(self._account.vendor().crm.objects.search_api)
        asked = self._span.search(self._options, self._properties, after)
        answer: Raw = api.do_search(self._options.object, asked, _preload_content=False)
        return answer.data

    def _ask_archived(self, after: str, *, is_archived: bool) -> bytes:
        api = self._account.through(self._account.vendor().crm.objects.basic_api)
        more = {"after": after} if after else {}
        answer: Raw = api.get_page(
            self._options.object,
            limit=_ARCHIVED_SIZE,
            properties=self._properties,
            archived=is_archived,
            _preload_content=False,
            **more,
        )
        return answer.data

    def _ask_owners(self, after: str, *, is_archived: bool) -> bytes:
        api = self._account.through(self._account.vendor().crm.owners.owners_api)
        more = {"after": after} if after else {}
        answer: Raw = api.get_page(limit=_ARCHIVED_SIZE, archived=is_archived, _preload_content=False, **more)
        return answer.data

    def _read(self, content: bytes) -> Page:
        return page_of(content, "results", self._where)


def _incomplete(total: int, count: int, where: str) -> SourceError:
    told = f"HubSpot counts {total} more records and sends {count}."
    return SourceError("incomplete", told, where=where, fix="Run the partition again.")
