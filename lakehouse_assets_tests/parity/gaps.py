"""Where a server is known to answer differently from Polars and from Spark, why, and in which answers: one list.

An entry that is no longer true fails its test, so that the list does not outlive its reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """Answers (name of a case -> names of answers) that differ on one kind of server."""

    engine: str
    reason: str
    answers: Mapping[str, frozenset[str]]


_LOSSLESS = frozenset({"c5", "c5: parse", "__unread_c5"})

GAPS = (
    Gap(
        "sail",
        "Sail reads no exponents into decimals, so `1e3` is no integer there, whatever the column declares.",
        {
            "text": frozenset({"read as Decimal(precision=18, scale=18)", "read as Decimal(precision=38, scale=18)"}),
            "text as integer": _LOSSLESS,
            "text as long": _LOSSLESS,
        },
    ),
    Gap(
        "sail",
        "Sail cuts times to days by way of nanoseconds, which the years before 1677 do not have.",
        {"timestamp as every type": frozenset({"columns"})},
    ),
    Gap(
        "sail",
        "Sail rounds no decimals half to even.",
        {"portable": frozenset({"money at a rate", "money by money", "money by count"})},
    ),
    Gap("sail", "Sail counts 0.0 and -0.0 as two values.", {"different doubles": frozenset({"told"})}),
)


def known(engine: str, case: str) -> frozenset[str]:
    """Return the answers of a case that are known to differ on an engine."""
    found = [gap.answers[case] for gap in GAPS if gap.engine == engine and case in gap.answers]
    return frozenset().union(*found)
