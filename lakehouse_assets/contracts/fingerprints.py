"""Hashes of what rules mean: equal for equal meaning, whatever the order of keys or the type a value was written in."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from lakehouse_assets.contracts.loading import Gate, Load, Mode
from lakehouse_assets.contracts.model import Column, Deletes
from lakehouse_assets.documents.strict_yaml import Plain
from lakehouse_assets.results import OnFailure, Severity


def fingerprint(
    rule: str, column: str | None, arguments: Mapping[str, Plain], *, on_failure: OnFailure, severity: Severity
) -> str:
    """Return the sha256 of one rule's meaning."""
    return _hash([rule, column or "", _canonical(arguments), on_failure.value, severity.value])


def rule_set(fingerprints: Iterable[str], columns: Iterable[Column], load: Load, gate: Gate) -> str:
    """Return the sha256 of everything that decides about rows: rules, types, parsing, duplicates and the gate."""
    parsed = [_decisive(column) for column in columns]
    duplicates = [sorted(load.keys), load.sequence_by, load.duplicates, load.identical_rows, load.event_time]
    bounds = [_canonical(gate.max_quarantine_ratio), gate.min_rows, gate.empty_partition]
    lateness = load.lateness // timedelta(seconds=1)
    entity = [_entity(load)] if load.mode is Mode.DERIVED else []
    return _hash([sorted(fingerprints), sorted(parsed, key=str), duplicates, bounds, lateness, *entity])


def with_deletes(decided: str, deletes: Deletes) -> str:
    """Return the fingerprint of a rule set that also depends on which rows are deletions."""
    return _hash([decided, deletes.column, sorted(deletes.values)])


def _entity(load: Load) -> Plain:
    return [load.history.value, sorted(load.tracked), dict(load.scd_types), load.soft_deletes, load.buckets]


def _decisive(column: Column) -> list[Plain]:
    origin = [*column.sources, column.renamed_from]
    return [column.name, str(column.type), column.required, repr(column.parse), origin]


def _hash(value: Plain) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _canonical(value: Plain) -> Plain:
    if isinstance(value, Mapping):
        return {str(key): _canonical(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple | set | frozenset):
        return sorted((_canonical(inner) for inner in value), key=repr)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return _number(str(value))


def _number(text: str) -> str:
    """`1`, `1.0` and `"1"` are one bound to the rule that is given them."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    return format(number.normalize(), "f") if number.is_finite() and abs(number.adjusted()) < 100 else text  # noqa: PLR2004
