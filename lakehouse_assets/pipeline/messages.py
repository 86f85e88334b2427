"""Results and errors of a run as plain data, for a process that waits for them elsewhere. Transport is not here."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from lakehouse_assets import errors
from lakehouse_assets.errors import LakehouseError, SourceError
from lakehouse_assets.results import PartitionResult
from lakehouse_assets.storage.records import partition_of

RESULT, ERROR = "lakehouse/result", "lakehouse/error"


def result_as_data(result: PartitionResult) -> dict[str, Any]:
    """Return a result as JSON types, under the key that tells messages apart."""
    return {RESULT: dataclasses.asdict(result)}


def error_as_data(error: LakehouseError) -> dict[str, Any]:
    """Return an error as JSON types; its class decides whether a retry may help."""
    said = {"what": error.what, "where": error.where, "fix": error.fix, "code": getattr(error, "code", "")}
    return {ERROR: {"type": type(error).__name__, **said}}


def result_of(message: Mapping[str, Any]) -> PartitionResult | None:
    """Return the result that a message holds, or None."""
    data = message.get(RESULT)
    return None if data is None else PartitionResult(**{**data, "record": partition_of(data["record"])})


def error_of(message: Mapping[str, Any]) -> LakehouseError | None:
    """Return the error that a message holds, as the class it was raised as where that is known here; or None."""
    data = message.get(ERROR)
    if data is None:
        return None
    where, fix = data["where"], data["fix"]
    if data["code"]:
        return SourceError(data["code"], data["what"].removeprefix(f"{data['code']}: "), where=where, fix=fix)
    found = getattr(errors, data["type"], LakehouseError)
    # Only errors that are made of these three; others take arguments of their own.
    kind = found if found.__init__ is LakehouseError.__init__ else LakehouseError
    return kind(data["what"], where=where, fix=fix)
