"""Sources that are logs: parts with records in order, each at a position. Read exactly once, whoever reads.

What belongs here: what the pipeline and a connector of such a source say to each other. What does not: where a table
stands in a log, which its own commits say (`pipeline.append_log`), and any protocol.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from lakehouse_assets.connectors.protocol import Extraction
from lakehouse_assets.contracts.model import SourceTable

# Where a table stands: asked with the name of a part, answered with a position; 0 where nothing of it was appended.
Standing = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Window:
    """Records that are read again: those from a moment on, or from a position of each part, up to where a table stands.

    `starts` has positions by part, as their row ids name them; parts left out are not read.
    """

    since: datetime | None = None
    starts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """How far to read: to what is there when reading begins, or on and on until `is_over` says so.

    `window` reads records again that a table has; without it, those it does not have.
    """

    follows: bool = False
    is_over: Callable[[], bool] = lambda: False
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some records, in one go: an Extraction for each partition they belong to, and how the parts move.

    `moves` maps the name of a part to where it stands before and after. `behind` are the records that were not read
    yet, `gaps` the positions in between at which there was none.
    """

    arrivals: tuple[Extraction, ...]
    moves: Mapping[str, tuple[int, int]]
    behind: int = 0
    gaps: int = 0


@runtime_checkable
class LogConnector(Protocol):
    """A connector of a log."""

    def read_log(self, table: SourceTable, standing: Standing, span: Span) -> Generator[Stretch, None, None]:
        """Yield what comes after where the table stands, stretch by stretch; each is appended before the next is read.

        Raises SourceError `offset_lost` or `recreated` where records are gone that the table does not have.
        """
        ...

    def behind(self, table: SourceTable, standing: Standing) -> int:
        """Return how many positions of the log come after where the table stands."""
        ...
