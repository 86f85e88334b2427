"""Dead letters as people read them: which are open, what they look like, and their bytes.

Replaying one is running its partition again from the source. What was kept is byte for byte what was refused, so it
would be refused again; and bronze says what the source delivers, which is for the source to correct.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import PROC_DATE, TableName, dead_letters_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refused.dead_letters import SUPERSEDED_BY

_PREVIEW_BYTES, _LINE = 1024, 16
_LINES = 32
_STRAY_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter without its bytes; `superseded_by` is the publish that went through without it."""

    id: str
    table: str
    partition: str
    object: str
    position: int
    size: int
    sha256: str
    reason: str
    superseded_by: str

    @property
    def is_open(self) -> bool:
        """Whether its partition still waits for it."""
        return not self.superseded_by


def list_letters(lake: Lake, tables: Collection[TableName], *, with_superseded: bool = False) -> list[Letter]:
    """Return the dead letters of bronze tables, by table, partition and object."""
    found = [letter for table in tables for letter, _ in _letters(lake, table)]
    return [letter for letter in found if with_superseded or letter.is_open]


def find_letter(lake: Lake, letter_id: str) -> tuple[Letter, bytes]:
    """Return a letter and its bytes by its id or an unambiguous beginning of it; raise LakehouseError otherwise."""
    everything = (pair for table in bronze_tables(lake) for pair in _letters(lake, table))
    found = [pair for pair in everything if pair[0].id.startswith(letter_id)]
    if len(found) == 1:
        return found[0]
    problem = "several dead letters begin" if found else "no dead letter begins"
    raise LakehouseError(f"{problem} with {letter_id!r}.", fix="`lakehouse dead-letters list --all` shows their ids.")


def bronze_tables(lake: Lake) -> list[TableName]:
    """Return the tables that can have dead letters."""
    return [table for table in lake.catalog.contracts if table.layer == "bronze"]


def preview(content: bytes, *, unmasked: bool = False) -> str:
    """Return the beginning as text, or as hexadecimal where it is none; masked, only its shape is left.

    Masked letters are `x` and `X`, digits `9`; what stays are separators, line ends and bytes that are no text.
    """
    head = content[:_PREVIEW_BYTES]
    text = _text(head)
    if text is None:
        return "\n".join(_hex_lines(head, unmasked=unmasked))
    shown = "".join(_told(one, unmasked=unmasked) for one in text)
    return "\n".join(shown.splitlines()[:_LINES])


def _letters(lake: Lake, table: TableName) -> Iterator[tuple[Letter, bytes]]:
    source, name = table.path
    opened = lake.open(dead_letters_of(source, name))
    if opened is None:
        return
    rows = lake.engine.collect(lake.scan(opened)).sort(PROC_DATE, "object", "position")
    for row in rows.iter_rows(named=True):
        content: bytes = row["content"]
        digest = hashlib.sha256(content).hexdigest()
        place = (str(table), str(row[PROC_DATE]), row["object"], row["position"])
        name_of = hashlib.sha256("|".join(map(str, (*place, digest))).encode()).hexdigest()[:10]
        yield Letter(name_of, *place, len(content), digest, row["reason"], row.get(SUPERSEDED_BY) or ""), content


def _text(head: bytes) -> str | None:
    """Return bytes as text in which single bytes that are none stand as surrogates; None when they are not text."""
    text = head.decode("utf-8", "surrogateescape")
    strange = sum(_is_stray(one) for one in text)
    is_text = all(one.isprintable() or one in "\t\r\n\ufeff" or _is_stray(one) for one in text)
    return text if is_text and strange <= len(text) * _STRAY_SHARE else None


def _is_stray(character: str) -> bool:
    return "\udc80" <= character <= "\udcff"


def _told(character: str, *, unmasked: bool) -> str:
    if _is_stray(character):
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if unmasked else _shape(character)


def _shape(character: str) -> str:
    if character.isdigit():
        return "9"
    if character.isalpha() or not character.isascii():
        return "X" if character.isupper() else "x"
    return character


def _hex_lines(head: bytes, *, unmasked: bool) -> Iterator[str]:
    for start in range(0, min(len(head), _LINE * _LINES), _LINE):
        line = head[start : start + _LINE]
        codes = " ".join(f"{byte:02x}" if unmasked or not chr(byte).isalnum() or byte > 0x7F else "xx" for byte in line)  # noqa: PLR2004 - the last of ASCII
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)  # noqa: PLR2004 - what can be printed
        yield f"{start:06x}  {codes:<{3 * _LINE}} {text if unmasked else ''.join(map(_shape, text))}".rstrip()
