"""Salesforce through simple-salesforce: records by when they were changed, deleted ones too, large windows in bulk.

What belongs here: which requests a window takes. What does not: what they say (`crm.soql`), sending them
(`crm.transport`), asking again and resuming (`crm.asking`).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.crm.asking import Asking, Page, number_at, object_of, page_of
from lakehouse_assets.connectors.crm.options import SalesforceConnection, SalesforceOptions
from lakehouse_assets.connectors.crm.records import Layout, layout_of
from lakehouse_assets.connectors.crm.soql import BulkPage, bulk_bytes, bulk_page, explain, query_of
from lakehouse_assets.connectors.crm.transport import Wire, session_of
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.json_rows import JsonRead
from lakehouse_assets.connectors.json_window import JsonWindow
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said
from lakehouse_assets.connectors.web.client import Answer, Client
from lakehouse_assets.connectors.web.guard import Guard, hosts_in
from lakehouse_assets.connectors.web.signing import ClientCredentials, Fixed, Signer
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import MissingExtraError, SourceError

if TYPE_CHECKING:
    from simple_salesforce.api import Salesforce as Vendor

_POLL_SECONDS, _MOST_SECONDS = 5.0, 7_200.0
_LONGEST_QUERY = 12_000
_TOKENS = "/services/oauth2/token"


class Salesforce:
    """Objects of a Salesforce organisation."""

    kind: ClassVar[str] = "salesforce"
    options_block: ClassVar[type[Block]] = SalesforceOptions
    connection_block: ClassVar[type[Block]] = SalesforceConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the records that were changed in every window; one that cannot be had never stops another."""
        try:
            org = _Org(self._source, self._access)
        except SourceError as error:
            return {partition: Rejection(partition, error) for partition in partitions}
        with closing(org):
            return {partition: _answer(org, table, partition) for partition in partitions}

    def sample(self, table: SourceTable, partition: str) -> Extraction:
        """Return the first page of a window, without counting it against what Salesforce says."""
        with closing(_Org(self._source, self._access)) as org:
            window = _Window(org, table, partition)
            window.take(window.first())
            return window.came.extraction(Said())


def _answer(org: "_Org", table: SourceTable, partition: str) -> Extraction | Rejection:
    try:
        return _Window(org, table, partition).extraction()
    except SourceError as error:
        return Rejection(partition, error, drift=error.drift if isinstance(error, HeaderError) else ())


class _Org:
    """The way to an organisation. To be closed."""

    def __init__(self, source: Source, access: Access) -> None:
        self.source, self.access, self.where = source, access, str(source.place)
        connection = self._connection()
        self._url, self._version = str(connection["url"]).rstrip("/"), str(connection.get("version", "59.0"))
        guard = Guard(self._url, hosts_in(str(connection.get("allowedHosts", ""))), self.where)
        told = partial(explain, where=self.where)
        self._client = Client(guard, timeout_seconds=access.timeout_seconds, clock=access.clock, explain=told)
        self.wire = Wire(self._client, self._url)
        self.signer: Signer = (
            Fixed(self._connection, self.where)
            if connection.get("auth", "oauth2") == "bearer"
            else ClientCredentials(self._connection, self._client, now=access.clock.now, where=self.where)
        )

    def vendor(self) -> "Vendor":
        """Return the client with the token of now."""
        try:
            from simple_salesforce.api import Salesforce as Vendor
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "Salesforce's client is not installed.",
                where=self.where,
                fix="Run pip install 'lakehouse-assets[salesforce]'.",
            ) from error
        token = self.signer.headers()["Authorization"].removeprefix("Bearer ")
        session = session_of(self.wire)
        return Vendor(session_id=token, instance_url=self._url, version=self._version, session=session)

    def close(self) -> None:
        """Give all connections back."""
        self._client.close()

    def _connection(self) -> Mapping[str, Any]:
        connection = self.access.connection(self.source)
        return {**connection, "oauthUrl": f"{str(connection['url']).rstrip('/')}{_TOKENS}"}


class _Window:
    """What is asked for one partition, and what has come of it."""

    def __init__(self, org: _Org, table: SourceTable, partition: str) -> None:
        self._org, self._options = org, SalesforceOptions.model_validate(dict(table.options))
        calendar, self._where = org.source.calendar, str(table.place)
        self._layout: Layout = layout_of(table, self._options)
        start, end = calendar.start_of(partition), calendar.end_of(partition)
        self._query = query_of(self._layout, self._options, start, end)
        read = JsonRead(nested=frozenset(self._options.nested))
        self.came = JsonWindow(table, partition, calendar.timezone, read, is_moving=False)
        asked = f"{org.wire.home} {self._query} {self._options.model_dump_json()}"
        self._asking = Asking(
            org.access,
            org.access.checkpoints.open(table, partition, asked),
            f"{table.source}.{table.name} of {partition}",
            self._where,
            self._options,
            org.signer.renew,
        )

    def extraction(self) -> Extraction:
        """Return all records; raise SourceError when they are not what Salesforce counted."""
        with self._asking.judged():
            # So long a query does not fit into an address: a bulk job takes it as a body.
            is_bulk = len(self._query) > _LONGEST_QUERY
            page = None if is_bulk else self.first()
            total = 0 if page is None else page.number("totalSize")
            is_bulk = is_bulk or total > self._options.bulk_above
            said = self._bulk() if page is None or is_bulk else self._pages(page, total)
            measures = {"requests": self._asking.requests, "pages": self._asking.pages, "bulk": int(is_bulk)}
            return self.came.extraction(Said(said, measures))

    def first(self) -> Page:
        """Return the first page."""
        return self._asking.page(self._ask_first, self._read)

    def take(self, page: Page | BulkPage) -> None:
        """Take the records of a page."""
        self.came.take([self._layout.flat(record, filled=True) for record in page.records])

    def _pages(self, page: Page, total: int) -> int:
        self.take(page)
        while page.value.get("done") is not True:
            lead = str(page.value.get("nextRecordsUrl", ""))
            self._asking.follow(lead, len(page.records))
            page = self._asking.page(partial(self._ask_more, lead), self._read)
            self.take(page)
        return total

    def _bulk(self) -> int:
        job = str(self._asking.page(self._ask_job, self._read_object).get("id", ""))
        said, locator = self._wait_for(job), ""
        while True:
            page = self._asking.page(partial(self._ask_file, job, locator), partial(bulk_page, where=self._where))
            self.take(page)
            if not page.locator:
                return said
            self._asking.follow(page.locator, len(page.records))
            locator = page.locator

    def _wait_for(self, job: str) -> int:
        clock = self._org.access.clock
        until = clock.now() + _MOST_SECONDS
        while clock.now() < until:
            told = self._asking.once(partial(self._ask_state, job), self._read_object)
            if told.get("state") == "JobComplete":
                return number_at(told, ["numberRecordsProcessed"], self._where)
            if told.get("state") in {"Failed", "Aborted"}:
                raise SourceError("bulk", f"the bulk job ended as {told['state']}.", where=self._where)
            clock.sleep(_POLL_SECONDS)
        raise SourceError("timeout", f"the bulk job did not end within {_MOST_SECONDS:.0f} s.", where=self._where)

    def _ask_first(self) -> bytes:
        vendor = self._org.vendor()
        return self._answer(lambda: vendor.query(self._query, include_deleted=self._options.deleted)).content

    def _ask_more(self, lead: str) -> bytes:
        if not lead.startswith("/services/data/"):
            raise SourceError("shape", "the answer does not say where its next page is.", where=self._where)
        vendor = self._org.vendor()
        return self._answer(lambda: vendor.query_more(lead, identifier_is_url=True)).content

    def _ask_job(self) -> bytes:
        from simple_salesforce.bulk2 import Operation

        jobs, operation = self._jobs(), Operation.query_all if self._options.deleted else Operation.query
        return self._answer(lambda: jobs.create_job(operation, self._query)).content

    def _ask_state(self, job: str) -> bytes:
        jobs = self._jobs()
        return self._answer(lambda: jobs.get_job(job, is_query=True)).content

    def _ask_file(self, job: str, locator: str) -> bytes:
        jobs = self._jobs()
        answer = self._answer(lambda: jobs.get_query_results(job, locator, self._options.bulk_size))
        headers = answer.headers
        return bulk_bytes(answer.content, headers.get("sforce-locator", ""), headers.get("sforce-numberofrecords", ""))

    def _answer(self, call: Callable[[], object]) -> Answer:
        return self._org.wire.answer_to(call)

    def _jobs(self) -> Any:  # noqa: ANN401 - it has no public name
        # Its public queries wait with a clock of their own, and begin anew after a kill.
        return getattr(self._org.vendor().bulk2, self._options.object)._client  # noqa: SLF001

    def _read(self, content: bytes) -> Page:
        return page_of(content, "records", self._where)

    def _read_object(self, content: bytes) -> Mapping[str, Any]:
        return object_of(content, self._where)
