"""One window asked for page by page: pages that were kept first, then the source, as often and as fast as it may be.

What belongs here: resuming, a token that ended, the budget, what an answer must be. What does not: what is asked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lakehouse_assets.connectors.access import Access, Checkpoint
from lakehouse_assets.connectors.crm.options import Budget
from lakehouse_assets.connectors.json_text import NOT_JSON, Record, read_page, read_text, value_at
from lakehouse_assets.connectors.web.client import UnauthorizedError
from lakehouse_assets.errors import PassingSourceError, SourceError

_MOST_EMPTY = 3
# What was begun is not there any more.
_LOST = frozenset({"cursor_expired", "not_found"})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of records and the whole answer they stand in."""

    value: Mapping[str, Any]
    records: Sequence[Record]
    where: str = ""

    def number(self, *path: str) -> int:
        """Return a whole number of the answer; raise SourceError `shape` when there is none."""
        return number_at(self.value, path, self.where)


def page_of(content: bytes, path: str, where: str) -> Page:
    """Return an answer whose records stand at `path`; raise PassingSourceError for what is no JSON."""
    try:
        value, records = read_page(content, [path], where=where)
    except SourceError as error:
        if error.code not in {NOT_JSON, "encoding"}:
            raise
        said = error.what.removeprefix(f"{error.code}: ")
        raise PassingSourceError(error.code, said, where=where, fix=error.fix) from None
    if isinstance(value, Mapping):
        return Page(value, records, where)
    told = "records cannot be read, and without them nobody knows where the page leads."
    raise SourceError("shape", told, where=where, fix="Ask by hand what the source answers.")


def number_at(value: Mapping[str, Any], path: Sequence[str], where: str) -> int:
    """Return a whole number of an answer; raise SourceError `shape` when there is none."""
    found = value_at(value, path)
    if isinstance(found, str) and found.isdigit():
        return int(found)
    told = f"the answer has no whole number at {'.'.join(path)}."
    raise SourceError("shape", told, where=where, fix="Ask by hand what the source answers.")


def object_of(content: bytes, where: str) -> Mapping[str, Any]:
    """Return an answer that is an object without records; raise PassingSourceError for anything else."""
    value = read_text(content.decode("utf-8", "replace")).value
    if isinstance(value, Mapping):
        return value
    raise PassingSourceError(NOT_JSON, f"the answer is no object ({len(content)} bytes).", where=where)


@dataclass
class Asking:
    """The questions of one window. `renew` gets other credentials after a refusal and says whether there are any."""

    access: Access
    checkpoint: Checkpoint
    name: str
    where: str
    budget: Budget
    renew: Callable[[], bool]
    requests: int = 0
    pages: int = 0
    _next_at: float = field(default=0.0, init=False)
    _empty: int = field(default=0, init=False)
    _led: set[str] = field(default_factory=set, init=False)
    _unasked: SourceError | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._kept = self.checkpoint.pages()

    def page(self, ask: Callable[[], bytes], read: Callable[[bytes], _T]) -> _T:
        """Return what a page says: of one that was kept, or of the source, and then it is kept."""
        self.pages += 1
        kept = next(self._kept, None)
        if kept is not None:
            return read(kept)
        content, found = self.once(ask, lambda content: (content, read(content)))
        self.checkpoint.keep(content)
        return found

    def once(self, ask: Callable[[], bytes], read: Callable[[bytes], _T]) -> _T:
        """Return what the source says now, without keeping it."""
        try:
            return self.access.attempt(f"{self.name}, page {self.pages}", lambda: read(self._asked(ask)))
        except SourceError as error:
            self._unasked = error
            raise

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Forget the pages when they cannot be gone on with; not when only the next one cannot be had now."""
        try:
            yield
        except SourceError as error:
            if error is not self._unasked or error.code in _LOST:
                self.checkpoint.drop()
            raise

    def follow(self, lead: str, records: int) -> None:
        """Take note of where a page leads; raise SourceError when that is a circle, or nowhere."""
        self._empty = 0 if records else self._empty + 1
        if lead in self._led:
            raise SourceError("cursor_loop", "the same page came twice as the next one.", where=self.where)
        if self._empty >= _MOST_EMPTY:
            raise SourceError("incomplete", f"{_MOST_EMPTY} empty pages in a row lead on.", where=self.where)
        self._led.add(lead)

    def _asked(self, ask: Callable[[], bytes]) -> bytes:
        self._pace()
        try:
            return ask()
        except UnauthorizedError:
            if not self.renew():
                raise
            self.requests += 1
            return ask()

    def _pace(self) -> None:
        budget, clock = self.budget, self.access.clock
        if budget.max_requests is not None and self.requests >= budget.max_requests:
            raise SourceError(
                "budget",
                f"{self.requests} requests were made, which is all that one run may.",
                where=self.where,
                fix="Run the partition again, it goes on where it stopped; or raise `options.maxRequests`.",
            )
        if budget.requests_per_second:
            now = clock.now()
            if now < self._next_at:
                clock.sleep(self._next_at - now)
            self._next_at = max(now, self._next_at) + 1 / budget.requests_per_second
        self.requests += 1
