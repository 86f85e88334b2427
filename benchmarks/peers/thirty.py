"""Thirty rules over single rows and two keys, as every peer is asked to count their violations. Standard library only.

A rule is named as contracts name it; a peer says the same with what it has. A null breaks `required` and nothing else.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

DAY_BEGINS, DAY_ENDS = "2026-01-05T00:00:00+00:00", "2026-01-05T23:59:59+00:00"
EMAIL = "[a-z0-9.]+@[a-z]+[.]com"


@dataclass(frozen=True, slots=True)
class Asked:
    """One rule: its name in a contract, the column it is about, its arguments."""

    rule: str
    column: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What counts are told by."""
        return f"{self.column}-{self.rule}"


REQUIRED = (
    *("order_id", "invoice_id", "line", "customer_id", "product_id", "quantity", "unit_price", "amount", "currency"),
    "ordered_at",
)
PATTERNS = {
    "order_id": "O[0-9]{9}",
    "invoice_id": "I[0-9]{8}",
    "customer_id": "C[0-9]+",
    "product_id": "P[0-9]+",
    "email": EMAIL,
}
LENGTHS = {"customer_id": (3, 20), "product_id": (6, 6), "country": (2, 2)}
RANGES = {
    "line": (1, 20),
    "quantity": (1, 100),
    "unit_price": (0, 10_000),
    "discount": (0, 0.9),
    "amount": (0, 1_000_000),
}
SETS = {
    "currency": ("EUR", "USD", "GBP"),
    "status": ("pending", "shipped", "delivered"),
    "channel": ("web", "shop", "phone"),
}
NEVER_SOLD = (13,)

RULES: tuple[Asked, ...] = (
    *(Asked("required", name) for name in REQUIRED),
    *(Asked("matches", name, {"pattern": pattern}) for name, pattern in PATTERNS.items()),
    *(Asked("length", name, {"min": low, "max": high}) for name, (low, high) in LENGTHS.items()),
    *(Asked("between", name, {"min": low, "max": high}) for name, (low, high) in RANGES.items()),
    *(Asked("in_set", name, {"values": list(values)}) for name, values in SETS.items()),
    Asked("not_in_set", "quantity", {"values": list(NEVER_SOLD)}),
    Asked("not_before", "ordered_at", {"value": DAY_BEGINS}),
    Asked("not_after", "ordered_at", {"value": DAY_ENDS}),
    Asked("compare_columns", "ordered_at", {"operator": "<=", "other": "shipped_at"}),
)
# Every member of a repeated key counts.
KEYS: Mapping[str, tuple[str, ...]] = {"order": ("order_id",), "line_of_invoice": ("invoice_id", "line")}

Counts = Mapping[str, int]


def moment(text: str) -> datetime:
    """Return the time of a bound."""
    return datetime.fromisoformat(text)


def count(work: Callable[[Path], tuple[Counts, str]]) -> None:
    """Run a peer's work on the file named by the command line; print what it took, found and is called."""
    source = Path(sys.argv[1])
    started = time.perf_counter()
    counts, version = work(source)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "version": version, "counts": dict(counts)}))


def named(counts: Counts) -> dict[str, int]:
    """Return a count for every rule and key; who is silent about one found nothing."""
    return {name: int(counts.get(name, 0)) for name in (*(rule.id for rule in RULES), *KEYS)}
