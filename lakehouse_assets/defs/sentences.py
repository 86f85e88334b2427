"""The sentences a person reads when a run failed: what, where, how many, and the command to look closer."""

import atexit
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs.checks import describe
from lakehouse_assets.defs.rule_rows import place_of
from lakehouse_assets.errors import (
    ForeignPartitionError,
    LakehouseError,
    LostCommitsError,
    PassingSourceError,
    SchemaChangeError,
    SourceError,
    StorageError,
)
from lakehouse_assets.results import PartitionResult

# What `failures` reads back from the event log.
BLOCKED_KEY, ERROR_KEY, WHAT_KEY, CODE_KEY = "lakehouse/blocked", "lakehouse/error", "lakehouse/what", "lakehouse/code"
_SHOWN = 5
_LASTING = (SchemaChangeError, ForeignPartitionError, LostCommitsError)
_PASSING_CODES = frozenset({"connection", "timeout", "unavailable", "throttled"})
_COMMANDS = frozenset({"dagster", "dg"})
_LAST_WORDS: list[str] = []


def to_failure(contract: Contract, blocked: Sequence[PartitionResult]) -> dg.Failure:
    """Return the error of a run in which partitions were kept back; a retry would find the same rows."""
    lines = [blocked_sentence(contract, result) for result in blocked[:_SHOWN]]
    if len(blocked) > _SHOWN:
        lines.append(f"… and {len(blocked) - _SHOWN} more partitions of {contract.table}.")
    return _failure("\n".join(lines), {BLOCKED_KEY: len(blocked)}, allow_retries=False)


def to_error(error: LakehouseError) -> dg.Failure:
    """Return the error of a run that could not do its work."""
    known = {ERROR_KEY: type(error).__name__, WHAT_KEY: error.what, CODE_KEY: getattr(error, "code", "")}
    return _failure(str(error), known, allow_retries=is_passing(error))


def is_passing(error: LakehouseError) -> bool:
    """Whether the same work may succeed in a moment: storage and connections do, configuration and data do not."""
    if isinstance(error, SourceError):
        return isinstance(error, PassingSourceError) or error.code in _PASSING_CODES
    return isinstance(error, StorageError) and not isinstance(error, _LASTING)


def blocked_sentence(contract: Contract, result: PartitionResult) -> str:
    """Return table, partition, rule, count, contract line and the command that shows the rows."""
    reasons = [rule for rule in result.record.results if rule.blocks and rule.rule_id not in result.record.overridden]
    found = "; ".join(f"{describe(rule)} ({place_of(contract, rule)})" for rule in reasons[:_SHOWN])
    target = f"{contract.table} {result.partition}" if contract.is_partitioned else str(contract.table)
    seen = "nothing of bad files" if contract.is_appended else "what they saw before"
    return (
        f"{target} is kept back: {found or result.message or 'its contract is not met'}. "
        f"Readers see {seen}. Look closer: {_command(contract, result)}"
    )


def _command(contract: Contract, result: PartitionResult) -> str:
    return f"lakehouse partition {contract.table} {result.partition}"


def _failure(text: str, known: Mapping[str, Any], *, allow_retries: bool) -> dg.Failure:
    return dg.Failure(description=text, metadata=known, allow_retries=allow_retries)


def say_last(text: str) -> None:
    """Print a sentence when the command line ends; Dagster ends it with its own frames, then "failed" and no why."""
    program = Path(sys.argv[0])
    if not _COMMANDS & {program.name, program.parent.name}:
        return
    if not _LAST_WORDS:
        atexit.register(lambda: sys.stderr.write("\n" + "\n".join(_LAST_WORDS) + "\n"))
    if text not in _LAST_WORDS:
        _LAST_WORDS.append(text)
