"""Exemptions from what a contract says: waivers (rows that may stay in quarantine) and overrides (rules that may fail).

Typed and frozen; reading them from `config/waivers` is `waiver_file`, what they do is the pipeline's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

RANGE = "..."


class ExemptionKind(StrEnum):
    """A waiver accepts rows in quarantine, an override publishes a partition despite a rule that blocks it."""

    WAIVER = "waiver"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Exemption:
    """One entry of a waiver file. `partitions` holds keys and ranges `A...B`; none of them means all.

    `expires_on` is the last day, in UTC, on which it has an effect.
    """

    kind: ExemptionKind
    rules: tuple[str, ...]
    partitions: tuple[str, ...]
    owner: str
    reason: str
    expires_on: date
    place: str = ""

    def covers(self, partition: str) -> bool:
        """Whether it is about a partition."""
        return not self.partitions or any(_holds(one, partition) for one in self.partitions)

    def is_in_force(self, today: date) -> bool:
        """Whether it has an effect today."""
        return today <= self.expires_on


def in_force(exemptions: Iterable[Exemption], kind: ExemptionKind, partition: str, today: date) -> list[Exemption]:
    """Return the exemptions of a kind that have an effect on a partition today."""
    return [one for one in exemptions if one.kind is kind and one.covers(partition) and one.is_in_force(today)]


def _holds(written: str, partition: str) -> bool:
    first, dots, last = written.partition(RANGE)
    return first <= partition <= last if dots else written == partition
