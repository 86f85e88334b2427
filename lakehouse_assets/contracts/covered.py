"""Which table is checked in which dimension: the number of declared rules of every table, and tables without any.

Rules nobody has to declare (arrival, schema, ledger, gate) are not counted: every table has them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse_assets.contracts.model import Catalog, Contract
from lakehouse_assets.results import LABELS

DIMENSIONS = tuple(dict.fromkeys(LABELS.values()))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Declared rules of one table: all of them, and by dimension in the words shown to people."""

    table: str
    place: str
    rules: int
    by_dimension: Mapping[str, int]


def covered(catalog: Catalog) -> tuple[Coverage, ...]:
    """Return what is declared about every table, in the order of their names."""
    return tuple(_of(contract) for _, contract in sorted(catalog.contracts.items()))


def _of(contract: Contract) -> Coverage:
    counted = Counter(LABELS[rule.dimension] for rule in contract.rules)
    by_dimension = {label: counted[label] for label in DIMENSIONS}
    return Coverage(str(contract.table), contract.place.path, len(contract.rules), by_dimension)
