"""What the footer of a Parquet file says, and every reason to refuse the file before a byte of its data is decoded.

What belongs here: the shape of the file, its columns, the size it would have. What does not: values (`sandbox`).
It is read in plain Python: whatever the bytes are, the worst that can happen is a refusal.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from lakehouse_assets.connectors.file_formats.content import refuse_bomb
from lakehouse_assets.connectors.file_formats.thrift import MalformedError, read_struct
from lakehouse_assets.errors import SourceError

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_LONGEST_FOOTER = 64 << 20
_SHORTEST = 12  # both magics and the length of the footer
_MOST_COLUMNS = 10_000
_INT96 = 3
_GROUP_FIELDS = {"columns": 1, "rows": 3}
# Numbers of the fields that are looked at, as parquet.thrift has them.
_SCHEMA, _ROWS, _GROUPS = 2, 3, 4
_TYPE, _NAME, _CHILDREN = 1, 4, 5
_FILE_PATH, _META = 1, 3
_EXPANDED, _STORED, _DATA_AT, _DICTIONARY_AT = 6, 7, 9, 11


@dataclass(frozen=True, slots=True)
class Footer:
    """`columns`: names of the top level in order; `groups`: those of them that hold others; `legacy`: INT96 ones."""

    rows: int
    columns: tuple[str, ...]
    groups: frozenset[str]
    legacy: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    kind: int | None
    children: tuple["_Node", ...]

    def leaves(self) -> Iterator["_Node"]:
        """Yield the nodes that hold values."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def read_footer(file: BinaryIO, size: int, *, max_expansion: int, where: str) -> Footer:
    """Return what a file says about itself; raise SourceError when it must not be read."""
    data = _footer_bytes(file, size, where)
    try:
        fields = read_struct(data)
        root = _tree(fields[_SCHEMA])
        rows, groups = int(fields[_ROWS]), list(fields.get(_GROUPS, []))
        chunks = [dict(chunk) for group in groups for chunk in group[_GROUP_FIELDS["columns"]]]
        counted = sum(int(group[_GROUP_FIELDS["rows"]]) for group in groups)
        expanded = _expanded(chunks, end=size - len(data) - 8)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # MalformedError is a ValueError
        raise _damaged("its footer cannot be read.", where) from error
    if rows < 0 or counted != rows:
        raise _damaged(f"its footer counts {rows} rows, its parts {counted}.", where)
    leaves = list(root.leaves()) if root.children else []
    _refuse_columns(root, where)
    refuse_bomb(max(expanded, rows * len(leaves)), size, max_expansion=max_expansion, where=where)
    return Footer(
        rows,
        tuple(node.name for node in root.children),
        frozenset(node.name for node in root.children if node.children),
        frozenset(node.name for node in root.children if any(leaf.kind == _INT96 for leaf in node.leaves())),
    )


def _footer_bytes(file: BinaryIO, size: int, where: str) -> bytes:
    head = os.pread(file.fileno(), 4, 0)
    tail = os.pread(file.fileno(), 8, max(0, size - 8))
    if _ENCRYPTED in {head, tail[4:]}:
        raise SourceError("encrypted", "the file is encrypted.", where=where, fix="Ask for it without encryption.")
    if size == 0:
        raise SourceError("empty", "the file is empty.", where=where, fix="Ask for the file again.")
    if head != _MAGIC:
        raise SourceError("not_parquet", "the file is no Parquet.", where=where, fix="Correct `read.format`, or ask.")
    if size < _SHORTEST or tail[4:] != _MAGIC:
        raise SourceError("truncated", "the file has no end.", where=where, fix="Ask for the file again.")
    length = int.from_bytes(tail[:4], "little")
    if length > min(size - _SHORTEST, _LONGEST_FOOTER):
        raise _damaged(f"its footer would be {length} bytes long.", where)
    return os.pread(file.fileno(), length, size - 8 - length)


def _tree(elements: Sequence[Mapping[int, Any]]) -> _Node:
    if len(elements) > _MOST_COLUMNS:
        raise MalformedError
    remaining = iter(elements)
    root = _node(remaining, 0)
    if next(remaining, None) is not None:
        raise MalformedError
    return root


def _node(elements: Iterator[Mapping[int, Any]], depth: int) -> _Node:
    element = next(elements, None)
    if element is None or depth > 100:  # noqa: PLR2004 - no file of anybody's is that deep
        raise MalformedError
    name = bytes(element[_NAME]).decode()
    children = tuple(_node(elements, depth + 1) for _ in range(int(element.get(_CHILDREN, 0))))
    return _Node(name, element.get(_TYPE), children)


def _expanded(chunks: Sequence[Mapping[int, Any]], *, end: int) -> int:
    """Return the bytes that all chunks decompress to; raise MalformedError for chunks outside of the file."""
    total = 0
    for chunk in chunks:
        meta = chunk[_META]
        start = min(meta[_DATA_AT], meta.get(_DICTIONARY_AT) or meta[_DATA_AT])
        stored, expanded = int(meta[_STORED]), int(meta[_EXPANDED])
        is_outside = stored > 0 and (start < len(_MAGIC) or start + stored > end)
        if chunk.get(_FILE_PATH) or min(stored, expanded) < 0 or is_outside:
            raise MalformedError
        total += expanded
    return total


def _refuse_columns(node: _Node, where: str, path: str = "") -> None:
    if not path and not node.children:
        raise SourceError("schema", "the file has no columns.", where=where, fix="Ask the sender for another file.")
    seen: dict[str, str] = {}
    for child in node.children:
        other = seen.get(child.name.casefold())
        if other is not None:
            inside = f" inside {path!r}" if path else ""
            again = "occurs more than once" if other == child.name else f"differs from {other!r} in case only"
            raise SourceError(
                "header",
                f"the column {child.name!r}{inside} {again}.",
                where=where,
                fix="Ask the sender to make the names unique.",
            )
        seen[child.name.casefold()] = child.name
        _refuse_columns(child, where, f"{path}.{child.name}" if path else child.name)


def _damaged(what: str, where: str) -> SourceError:
    return SourceError("damaged", what, where=where, fix="Ask for the file again.")
