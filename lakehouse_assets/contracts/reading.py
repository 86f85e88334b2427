"""One file while it is read: its document, where findings go and what it may refer to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakehouse_assets.contracts.model import Place
from lakehouse_assets.contracts.vocabulary import Vocabulary
from lakehouse_assets.documents.findings import Report
from lakehouse_assets.documents.strict_yaml import Document, Steps
from lakehouse_assets.naming import TableName


@dataclass(frozen=True, slots=True)
class Reading:
    """Passed through the functions that turn one document into models.

    `tables` are all that have a file; `references` are the lists that rules may look values up in.
    """

    document: Document
    report: Report
    vocabulary: Vocabulary
    tables: frozenset[TableName] = frozenset()
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def tell(self, code: str, steps: Steps, message: str, hint: str = "") -> None:
        """Add a finding about the node at `steps`."""
        self.report.add(code, self.document.spot(steps), message, hint)

    def place(self, steps: Steps) -> Place:
        """Return where the node at `steps` was declared."""
        spot = self.document.spot(steps)
        return Place(spot.path, spot.line)
