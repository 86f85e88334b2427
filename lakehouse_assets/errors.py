"""The one family of errors. Each says what went wrong, where, and how to fix it.

Values of rows never belong in a message; names, counts, codes and places do.
"""

from collections.abc import Sequence


class LakehouseError(Exception):
    """Base of every error this project raises on purpose.

    `where` names a file, table or partition; `fix` is the sentence a person in a hurry needs.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        place = f"{where}: " if where else ""
        remedy = f" {fix}" if fix else ""
        super().__init__(f"{place}{what}{remedy}")


class ConfigError(LakehouseError):
    """The configuration cannot be used; `findings` holds every problem, one line each."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        plural = "" if count == 1 else "s"
        super().__init__(
            f"the configuration has {count} error{plural}:\n" + "\n".join(self.findings),
            fix="\nRun `lakehouse validate` for all findings, warnings included.",
        )


class SourceError(LakehouseError):
    """Input of one partition was rejected whole; nothing of it was published and nothing lost.

    `code` is stable (`encoding`, `truncated`, `schema_drift`, `missing`, …) and ends up in
    dead letters, check metadata and incidents.
    """

    def __init__(self, code: str, what: str, *, where: str = "", fix: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {what}", where=where, fix=fix)


class PassingSourceError(SourceError):
    """A source could not answer right now, and asking again may help.

    `retry_after_seconds` is what it asked for, if it did.
    """

    def __init__(
        self, code: str, what: str, *, where: str = "", fix: str = "", retry_after_seconds: float | None = None
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(code, what, where=where, fix=fix)


class UnknownTableError(LakehouseError):
    """A table was asked for that no contract and no source file describes."""


class UnknownPartitionError(LakehouseError):
    """A partition was asked for that the table's calendar does not have."""


class StorageError(LakehouseError):
    """The lake could not be read or written (permissions, space, damaged log)."""


class LostCommitsError(StorageError):
    """The Delta log ends before a version that was published: its last commits were deleted or emptied."""


class UnsafeStoreError(StorageError):
    """The object store may tell two writers at once that both created the same object; commits would be lost."""


class NothingToDoError(LakehouseError):
    """What was asked for is already so."""


class UnknownVersionError(StorageError):
    """A version of a table was asked for that does not exist, or that its log no longer leads to."""


class StagedFileError(StorageError):
    """A staged file is missing, has another size, or not exactly the expected schema."""


class DamagedRecordError(StorageError):
    """The record of a publish cannot be read; its data is untouched, and running its partitions writes a new one."""


class SchemaChangeError(StorageError):
    """A publish would change a table's schema by more than adding nullable columns."""


class ForeignPartitionError(StorageError):
    """A publish would touch partitions that its run does not own."""


class PublishConflictError(StorageError):
    """Another writer changed the same partitions, and all attempts to redo were used up."""


class PartitionBlockedError(LakehouseError):
    """Partitions failed their contract and keep serving their previous version."""


class WithdrawalRefusedError(LakehouseError):
    """Rows that readers see would be taken away, and nobody said that this is meant; nothing was changed."""


class TransformError(LakehouseError):
    """A transform returned something its contract cannot accept."""


class ComputationError(LakehouseError):
    """An engine could not compute rows; its own message quotes values and is not kept."""


class EngineLostError(StorageError):
    """An engine that runs elsewhere went away while it computed; nothing was published, and a retry may help."""


class StateError(LakehouseError):
    """The state store cannot be reached or is of another version."""


class LeaseHeldError(LakehouseError):
    """Somebody else does this work right now; nothing was begun."""


class MissingExtraError(LakehouseError):
    """An optional library is needed and not installed."""


class DeliveryError(LakehouseError):
    """A channel could not deliver a message; it stays in the outbox.

    `retry_after_seconds` is what the other side asked for, if it did.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(what, where=where, fix=fix)
