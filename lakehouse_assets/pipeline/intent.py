"""What a run is for beyond its partitions, and what it has to say before it commits. No work is done here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RowIds:
    """How many rows, and the first of their row ids in order; a row id says where a row came from, never a value."""

    rows: int = 0
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What replacing a partition of bronze by what the source says now would do to its rows."""

    partition: str
    added: RowIds
    withdrawn: RowIds
    changed: RowIds


def _ignore(difference: Difference) -> None:
    del difference


def _agree(step: object, draft: object) -> None:
    del step, draft


@dataclass(frozen=True, slots=True)
class Intent:
    """`re_extract`: what the source says now replaces what landed, whatever its replay meaning.

    `purpose` is written into records, such as `backfill <id>`; an ordinary run has none.
    `tell` is called with the difference of each partition before anything is replaced.
    `approve` is shown the step and what it staged; when it raises, nothing of it is published.
    """

    re_extract: bool = False
    purpose: str = ""
    tell: Callable[[Difference], None] = _ignore
    approve: Callable[[Any, Any], None] = _agree


ORDINARY = Intent()
