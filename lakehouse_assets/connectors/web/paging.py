"""How pages follow each other. Every URL is a function of the options and of the pages before: nothing else is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from lakehouse_assets.connectors.json_text import value_at
from lakehouse_assets.connectors.web.options import PagingBlock, RestOptions
from lakehouse_assets.errors import SourceError

# RFC 8288: targets in angle brackets, each with parameters up to the next comma outside of quotes.
_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"[^"]*"|[^\s;,]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]*))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that came: its URL, headers, value (None where it could not be read) and number of records."""

    url: str
    headers: Mapping[str, str]
    value: Any
    records: int


@dataclass
class Pager:
    """Leads from page to page of one window."""

    first_url: str
    options: RestOptions
    where: str
    pages: int = 0
    records: int = 0
    warnings: list[str] = field(default_factory=list)
    _empty: int = 0
    _met: set[str] = field(default_factory=set)

    def first(self) -> str:
        """Return the URL of the first page."""
        paging = self.options.paging
        url = self.first_url
        if paging.size is not None:
            url = with_parameter(url, paging.size_parameter, str(paging.size))
        if paging.by == "page":
            url = with_parameter(url, _parameter(paging), str(paging.first))
        self._met.add(url)
        return url

    def after(self, page: Page) -> str | None:
        """Return the URL of the page after this one, or None when it was the last.

        Raises SourceError `cursor_loop` for a URL that was asked before, `too_many_pages` beyond the limit.
        """
        self.pages += 1
        self.records += page.records
        self._empty = 0 if page.records else self._empty + 1
        following = self._following(page)
        if following is None:
            return None
        if self._empty >= self.options.paging.max_empty:
            self.warnings.append(f"stopped after {self._empty} empty pages in a row, each leading to another")
            return None
        if following in self._met:
            raise SourceError(
                "cursor_loop",
                f"page {self.pages} leads back to one that was read.",
                where=self.where,
                fix="Ask the owner of the source; check `paging.cursor`.",
            )
        if self.pages >= self.options.paging.max_pages:
            raise SourceError(
                "too_many_pages",
                f"after {self.pages} pages there is still another.",
                where=self.where,
                fix="Raise `paging.maxPages`, or ask for larger pages.",
            )
        self._met.add(following)
        return following

    def _following(self, page: Page) -> str | None:
        paging = self.options.paging
        if paging.by == "link":
            target = next_link(page.headers.get("link", ""))
            return urljoin(page.url, target) if target else None
        if paging.by == "cursor":
            return self._by_cursor(page)
        if paging.by == "none" or not page.records:
            return None
        position = self.records if paging.by == "offset" else paging.first + self.pages
        return with_parameter(self.first(), _parameter(paging), str(position))

    def _by_cursor(self, page: Page) -> str | None:
        if page.value is None:
            raise SourceError("depth", "the page cannot be read as a whole, and with it its cursor.", where=self.where)
        found = value_at(page.value, self.options.paging.cursor.split("."))
        if found in (None, "", False):
            return None
        if not isinstance(found, str):
            raise SourceError(
                "shape", "the cursor is neither text nor a number.", where=self.where, fix="Correct `paging.cursor`."
            )
        if found.startswith(("http://", "https://", "/", "?")):
            return urljoin(page.url, found)
        return with_parameter(self.first(), _parameter(self.options.paging), str(found))


def next_link(header: str) -> str | None:
    """Return the target that a `Link` header calls `next`."""
    for match in _LINK.finditer(header):
        relation = _REL.search(match[2])
        if relation and "next" in (relation[1] or relation[2] or "").lower().split():
            return match[1]
    return None


def with_parameter(url: str, name: str, value: str) -> str:
    """Return a URL with one parameter set."""
    parts = urlsplit(url)
    kept = [(key, old) for key, old in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return urlunsplit(parts._replace(query=urlencode([*kept, (name, value)])))


def url_of(base: str, options: RestOptions, words: Mapping[str, str]) -> str:
    """Return what is asked first: path and parameters with the words of a window filled in."""
    path = "/".join(_filled(part, words, quoted=True) for part in options.path.strip("/").split("/"))
    query = urlencode({name: _filled(value, words) for name, value in options.params.items()})
    url = f"{base.rstrip('/')}/{path}" if path else base
    return f"{url}?{query}" if query else url


def _filled(text: str, words: Mapping[str, str], *, quoted: bool = False) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", quote(value, safe="") if quoted else value)
    return text


def _parameter(paging: PagingBlock) -> str:
    return paging.parameter or paging.by
