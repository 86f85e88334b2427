"""What a source says about its own data: `rows`, `sums` by raw column as text, and `sha256` by path of an object.

A connector puts its source's word into `Extraction.said`; what it leaves out, the source did not say.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

Said = Mapping[str, Any]


def together(words: Sequence[Said]) -> dict[str, Any]:
    """Return several words as one: numbers are added up, and what one of them leaves out is unknown."""
    if not words:
        return {}
    total: dict[str, Any] = {}
    if all("rows" in word for word in words):
        total["rows"] = sum(word["rows"] for word in words)
    columns = set.intersection(*(set(word.get("sums", {})) for word in words))
    if columns:
        total["sums"] = {name: _sum(word["sums"][name] for word in words) for name in sorted(columns)}
    if all("sha256" in word for word in words):
        total["sha256"] = {path: digest for word in words for path, digest in sorted(word["sha256"].items())}
    return total


def _sum(numbers: Iterable[str]) -> str:
    # More digits than any column has: what was recorded is kept as it was written.
    with localcontext(prec=100):
        return format(sum(map(Decimal, numbers), Decimal(0)), "f")
