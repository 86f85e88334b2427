"""Records beside the data: what each publish did. Compressed JSON, one file a publish, never a data value."""

import dataclasses
import hashlib
import json
from typing import Any

import zstandard

from lakehouse_assets.errors import DamagedRecordError
from lakehouse_assets.naming import record_file
from lakehouse_assets.results import (
    AppliedExemption,
    BucketContent,
    Derivation,
    Dimension,
    DriftEvent,
    Expectation,
    Ledger,
    OnFailure,
    Outcome,
    PartitionRecord,
    Record,
    RuleResult,
    Severity,
    SourceObject,
    StagedFile,
    State,
)
from lakehouse_assets.storage.objects import Objects


def write_record(objects: Objects, record: Record) -> dict[str, str]:
    """Write a record and return what the commit keeps of it: path and sha256 (hex)."""
    content = json.dumps(dataclasses.asdict(record), sort_keys=True, separators=(",", ":")).encode()
    objects.write(record_file(record.publish), zstandard.compress(content))
    return {"record": record_file(record.publish), "sha256": hashlib.sha256(content).hexdigest()}


def read_record(objects: Objects, publish: str) -> Record | None:
    """Return the record of a publish, or None when it is gone; raise DamagedRecordError when it cannot be read."""
    content = objects.read(record_file(publish))
    if content is None:
        return None
    try:
        return _record(json.loads(zstandard.decompress(content)))
    except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        raise DamagedRecordError(
            "the record of a publish is damaged.",
            where=f"{objects.root}/{record_file(publish)}",
            fix="Restore it from a backup, or run its partitions again.",
        ) from error


def _record(data: dict[str, Any]) -> Record:
    return Record(
        **{
            **data,
            "partitions": tuple(partition_of(entry) for entry in data["partitions"]),
            "files": tuple(StagedFile(**entry) for entry in data["files"]),
            "derivation": _derivation(data["derivation"]) if data.get("derivation") else None,
        }
    )


def _derivation(data: dict[str, Any]) -> Derivation:
    log = {partition: tuple(names) for partition, names in data["log"].items()}
    return Derivation(data["meaning"], log, {key: BucketContent(**entry) for key, entry in data["buckets"].items()})


def partition_of(data: dict[str, Any]) -> PartitionRecord:
    """Return what a record says about one partition, from its JSON types."""
    return PartitionRecord(
        **{
            **data,
            "ledger": Ledger(**data["ledger"]),
            "results": tuple(_result(entry) for entry in data["results"]),
            **{name: tuple(data.get(name, ())) for name in ("overridden", "waived")},
            "exemptions": tuple(_exemption(entry) for entry in data.get("exemptions", ())),
            "low_score": Severity(data["low_score"]) if data.get("low_score") else None,
            "objects": tuple(SourceObject(**entry) for entry in data["objects"]),
            "content_totals": tuple(data.get("content_totals", ())),
            "drift": tuple(_drift(entry) for entry in data["drift"]),
        }
    )


def _exemption(data: dict[str, Any]) -> AppliedExemption:
    return AppliedExemption(**{**data, "rules": tuple(data["rules"])})


def _result(data: dict[str, Any]) -> RuleResult:
    return RuleResult(
        **{
            **data,
            "dimension": Dimension(data["dimension"]),
            "severity": Severity(data["severity"]),
            "on_failure": OnFailure(data["on_failure"]),
            "outcome": Outcome(data["outcome"]),
            "expectation": _expectation(data["expectation"]) if data.get("expectation") else None,
        }
    )


def _expectation(data: dict[str, Any]) -> Expectation:
    return Expectation(**{**data, "state": State(data["state"]), "recent": tuple(data["recent"])})


def _drift(data: dict[str, Any]) -> DriftEvent:
    lists = {name: tuple(data[name]) for name in ("added", "removed", "type_changed")}
    return DriftEvent(**{**data, **lists, "renamed": tuple((old, new) for old, new in data["renamed"])})
