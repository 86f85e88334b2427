"""What a connector returns. One module per kind of source implements `Connector`; the registry finds it by `kind`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import narwhals as nw

from lakehouse_assets.connectors.file_formats.notifications import Notices
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import DeadLetter, DriftEvent, SourceObject


@dataclass(frozen=True, slots=True)
class Extraction:
    """What arrived for one partition.

    `frame`: the declared raw columns in order (text as text), then `_row_id` (text, unique in the partition),
    `_source_object`, `_defect` (null or a code such as `ragged_short`), `_line` (the original line of a defect row),
    `_unknown` (JSON object text of undeclared columns, or null).
    `rows`: rows in `frame`; `deduplicated`: rows of repeated objects that are counted but not in `frame`.
    `absent`: declared columns that no object had; they are null in `frame` and no part of a row's hash.
    `said`: what the source itself recorded (`connectors.said`); `unsaid`: why it said nothing, where it should have.
    `confirm`: where `frame` reads an object in place, raises SourceError `changed_during_read` when that is no longer
    what was checked; to be called after the rows were staged and before they are published.
    """

    partition: str
    frame: nw.LazyFrame
    rows: int
    objects: tuple[SourceObject, ...] = ()
    deduplicated: int = 0
    drift: tuple[DriftEvent, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    warnings: tuple[str, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    confirm: Callable[[], None] | None = None
    absent: frozenset[str] = frozenset()
    said: Mapping[str, Any] = field(default_factory=dict)
    unsaid: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A partition whose input was refused whole: the error, and the input kept for later."""

    partition: str
    error: SourceError
    dead_letters: tuple[DeadLetter, ...] = ()
    drift: tuple[DriftEvent, ...] = ()


class Connector(Protocol):
    """Reads one source. Built as `Kind(source, access)`; opens nothing until `extract`.

    A kind may say which keys it knows: `options_block`, a Block of a table's `options`, and `connection_block`, whose
    fields are keys of `connection`. Both are checked when the configuration is loaded.
    """

    kind: ClassVar[str]

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return one answer for every partition asked for; a bad partition never stops a good one."""
        ...


@runtime_checkable
class ObjectConnector(Protocol):
    """A connector whose partitions are made of objects that can be told apart, for tables that are appended once."""

    def extract_objects(
        self, table: SourceTable, partitions: Sequence[str], is_known: Callable[[str, SourceObject], bool]
    ) -> Iterator[Extraction | Rejection]:
        """Yield one answer for each object that is not known, by partition; one Rejection where nothing arrived.

        Each Extraction has exactly one object. Equal content under two names is two objects.
        """
        ...


@runtime_checkable
class WatchedConnector(Protocol):
    """A connector that can say what has arrived without reading it, for sensors that ask for it at once."""

    def arrivals(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, str]:
        """Return the partitions whose input is there and complete, each with a token that changes when it does."""
        ...

    def notices(self, handled: tuple[str, ...]) -> Notices | None:
        """Return what was told since, after forgetting what was handled; None where nobody tells."""
        ...

    def partitions_of(self, table: SourceTable, objects: Sequence[tuple[str, str]]) -> frozenset[str]:
        """Return the partitions that some objects, as (bucket, key), belong to."""
        ...
