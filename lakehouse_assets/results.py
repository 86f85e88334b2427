"""Frozen results that rooms hand to each other. No logic beyond sums and comparisons of their own fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Dimension(StrEnum):
    """Words of the Open Data Contract Standard; `LABELS` has the words shown to people."""

    COMPLETENESS = "completeness"
    UNIQUENESS = "uniqueness"
    CONFORMITY = "conformity"
    ACCURACY = "accuracy"
    CONSISTENCY = "consistency"
    TIMELINESS = "timeliness"
    COVERAGE = "coverage"


LABELS: Mapping[Dimension, str] = {
    Dimension.COMPLETENESS: "Completeness",
    Dimension.COVERAGE: "Completeness",
    Dimension.UNIQUENESS: "Uniqueness",
    Dimension.CONFORMITY: "Validity",
    Dimension.ACCURACY: "Accuracy",
    Dimension.CONSISTENCY: "Consistency",
    Dimension.TIMELINESS: "Timeliness",
}


class Severity(StrEnum):
    """Who is told: P4 … P1."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class OnFailure(StrEnum):
    """What happens to the data."""

    KEEP = "keep"
    QUARANTINE = "quarantine"
    BLOCK = "block"


class Outcome(StrEnum):
    """What a rule said; only `PASS` counts as passed."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    ERROR = "error"
    NOT_RUN = "not_run"
    SKIPPED = "skipped"


class State(StrEnum):
    """What earlier partitions say about a number of this one, or the place it comes from (`AGREES`, `DIFFERS`).

    `NAMED`: its day is one that the calendar names.
    """

    LEARNING = "learning"
    USUAL = "usual"
    UNUSUAL = "unusual"
    NAMED = "named"
    AGREES = "agrees"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What earlier partitions, or another table, made one expect of a number, and what it was; `reason` in words.

    `low` and `high` are where an alarm begins, `score` is how many standard deviations it is off, `is_severe` whether
    it is an alarm and no mere warning, `partitions` how many were compared with, `recent` the last numbers before.
    """

    state: State
    observed: float
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    score: float | None = None
    is_severe: bool = False
    partitions: int = 0
    reason: str = ""
    recent: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Outcome of one declared rule for one partition. `reason` never holds a value of a row."""

    rule_id: str
    fingerprint: str
    dimension: Dimension
    severity: Severity
    on_failure: OnFailure
    outcome: Outcome
    failed_rows: int = 0
    checked_rows: int = 0
    column: str | None = None
    reason: str = ""
    line: int = 0
    expectation: Expectation | None = None

    @property
    def passed(self) -> bool:
        """Whether the rule ran and held."""
        return self.outcome is Outcome.PASS

    @property
    def blocks(self) -> bool:
        """Whether the partition must not be published because of this result."""
        broken = self.outcome in {Outcome.ERROR, Outcome.NOT_RUN}
        return broken or (self.outcome is Outcome.FAIL and self.on_failure is OnFailure.BLOCK)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the rows of one partition went; must balance or the partition is blocked."""

    read: int = 0
    published: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    filtered: int = 0

    @property
    def is_balanced(self) -> bool:
        """Whether every row that was read is accounted for, and none came out of nothing (`filtered` is the rest)."""
        is_complete = self.read == self.published + self.quarantined + self.deduplicated + self.filtered
        return is_complete and min(self.published, self.quarantined, self.deduplicated, self.filtered) >= 0


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One object an extraction read: path inside the source, bytes, sha256 (hex) of the content."""

    path: str
    size: int
    sha256: str


ADDED, REMOVED, RENAMED, TYPE_CHANGED, REORDERED = "added", "removed", "renamed", "type_changed", "reordered"


@dataclass(frozen=True, slots=True)
class DriftEvent:
    """One kind of difference between what was declared and what arrived, or between a contract and its table.

    `type` is one of the words above and names the field that is filled; `renamed` holds pairs of old and new name.
    """

    type: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    type_changed: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Input that could not become rows, kept whole: bytes, position and reason."""

    source: str
    table: str
    partition: str
    object: str
    position: int
    reason: str
    content: bytes


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A Parquet file inside a table's folder that no reader sees yet. `path` is relative, not encoded twice."""

    path: str
    size: int
    rows: int
    partition: str
    sha256: str
    stats: str = "{}"


@dataclass(frozen=True, slots=True)
class AppliedExemption:
    """A waiver or an override that decided about a partition: which rules, who answers for it, why, until when."""

    kind: str
    rules: tuple[str, ...]
    owner: str
    reason: str
    expires_on: str


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """What a publish says about one partition; no data values.

    `overridden` are rules that failed and would have blocked it, `waived` rules whose rows may stay in quarantine,
    `waived_rows` the rows that only such rules refused, `exemptions` what made both so.
    `low_score` is how badly the score is too low, `inputs` a digest of what the rows were computed from.
    `metrics` and `histograms` are what rules over time compare: sums and counts a column, rows a bin.
    `said` is what the source itself recorded about it (`connectors.protocol`).
    """

    partition: str
    ledger: Ledger
    results: tuple[RuleResult, ...]
    content_hash: str
    quarantine_hash: str
    score: float
    status: str
    overridden: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    waived_rows: int = 0
    exemptions: tuple[AppliedExemption, ...] = ()
    low_score: Severity | None = None
    objects: tuple[SourceObject, ...] = ()
    drift: tuple[DriftEvent, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    content_totals: tuple[int, ...] = ()
    inputs: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BucketContent:
    """What one bucket of a derived table holds since a publish: rows, and the totals of their hashes."""

    publish: str
    rows: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a derived table was derived from, and what it holds since: every bucket, not only those of this publish.

    `meaning` is a hash of how rows follow from changes; `log` has the files of each partition of the change log.
    """

    meaning: str
    log: Mapping[str, tuple[str, ...]]
    buckets: Mapping[str, BucketContent]


@dataclass(frozen=True, slots=True)
class Record:
    """What one publish did: written before the commit, beside the data, never trimmed with the log.

    `batches` is where the publish took each of its batches (`storage.fence`); `returns_to` the version that a rollback
    went back to.
    """

    publish: str
    table: str
    run_id: str
    contract_version: str
    rule_set: str
    started_at: str
    finished_at: str
    partitions: tuple[PartitionRecord, ...]
    files: tuple[StagedFile, ...] = ()
    upstreams: Mapping[str, int] = field(default_factory=dict)
    engine: str = "polars"
    purpose: str = ""
    derivation: Derivation | None = None
    batches: Mapping[str, int] = field(default_factory=dict)
    returns_to: int | None = None


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What the values of one column are like in one partition; of a classified column only its nulls are known.

    `distinct_error` is the standard error of `distinct` as a share of it, 0 where it was counted. `quantiles` are
    values by share of rows, `top` the most frequent values with their rows, `histogram` rows in equally wide bins from
    `least` to `greatest`; of a large partition the three are from a sample, unless `is_counted`.
    """

    column: str
    type: str
    nulls: int
    is_classified: bool = False
    is_counted: bool = True
    distinct: int | None = None
    distinct_error: float = 0.0
    least: Any = None
    greatest: Any = None
    quantiles: Mapping[str, Any] = field(default_factory=dict)
    top: tuple[tuple[Any, int], ...] = ()
    histogram: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionStatistics:
    """What the values of one partition are like: a function of its content and of `meaning`, how it was looked at."""

    partition: str
    content_hash: str
    meaning: str
    rows: int
    columns: tuple[ColumnStatistics, ...]


LATE_ROWS, TOO_LATE = "late_rows", "too_late"
PUBLISHED, UNCHANGED, BLOCKED = "published", "unchanged", "blocked"
# Of a partition that a rollback took away: the version it went back to does not have it.
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class PartitionResult:
    """What the pipeline hands to Dagster, the command line and the state store for one partition."""

    table: str
    partition: str
    status: str
    publish: str
    record: PartitionRecord
    version: int
    seconds: float = 0.0
    message: str = ""

    @property
    def is_blocked(self) -> bool:
        """Whether the partition keeps serving its previous version."""
        return self.status == BLOCKED
