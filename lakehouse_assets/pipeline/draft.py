"""What a verb hands to `publish`: staged files nobody sees yet, and a tally for every partition of the chunk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets.results import DeadLetter, Derivation, DriftEvent, Ledger, RuleResult, SourceObject, StagedFile

EMPTY_HASH = "0" * 32


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted about one partition while its files were staged; `waived_rows` are some of the quarantined.

    `said` is what the source itself recorded, `unsaid` why it recorded nothing (`connectors.protocol`).
    """

    partition: str
    ledger: Ledger
    results: tuple[RuleResult, ...] = ()
    content_hash: str = EMPTY_HASH
    quarantine_hash: str = EMPTY_HASH
    waived_rows: int = 0
    objects: tuple[SourceObject, ...] = ()
    drift: tuple[DriftEvent, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)
    unsaid: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """Staged outcome of a chunk. `valid` lies in the table's folder, `refused` in its quarantine's.

    `built_in` are rules that every table of this kind has, beside those its contract declares.
    `replaces` are the buckets that a derivation rewrites, and `derivation` is what they were derived from.
    `inputs` is the digest of what each partition was computed from (`pipeline.standing`).
    """

    tallies: tuple[Tally, ...]
    valid: tuple[StagedFile, ...] = ()
    refused: tuple[StagedFile, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    built_in: tuple[RuleSpec, ...] = ()
    replaces: tuple[str, ...] = ()
    derivation: Derivation | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)

    def files(self, partitions: set[str]) -> tuple[tuple[StagedFile, ...], tuple[StagedFile, ...]]:
        """Return the valid and the refused files of some partitions; a derivation is one, whatever its buckets."""
        if self.derivation is not None:
            return (self.valid, self.refused) if partitions else ((), ())
        valid = tuple(file for file in self.valid if file.partition in partitions)
        return valid, tuple(file for file in self.refused if file.partition in partitions)
