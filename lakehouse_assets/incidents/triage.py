"""From a failure to its class, and from the class to what to try first. Knows types and codes, never values of rows."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from lakehouse_assets.errors import PartitionBlockedError, SchemaChangeError, SourceError, StagedFileError, StateError
from lakehouse_assets.incidents.incident import FailureClass
from lakehouse_assets.results import Dimension

ACTIONS: Mapping[FailureClass, str] = MappingProxyType(
    {
        FailureClass.CONNECTION: "Check that the source is up, then the network path, then the credentials.",
        FailureClass.SCHEMA: "Compare what arrived with the contract, update the extract, tell the consumers.",
        FailureClass.QUALITY: "Look at the quarantined rows and take the cause to whoever produces the source.",
        FailureClass.MEMORY: "Run fewer partitions in a chunk, give the worker more memory, or split the query.",
        FailureClass.PERMISSION: "Check the role's grants, and whether a token or key has expired.",
        FailureClass.DUPLICATE_KEY: "See whether the source delivered twice, and whether the key is really one.",
        FailureClass.TIMEOUT: "Look for a jump in volume, then at the query plan, then at the cluster.",
        FailureClass.MISSING_DATA: "Ask the source whether it delivered; run the partition again when it has.",
        FailureClass.UNKNOWN: "Open the run and read its error; then give this failure a class.",
    }
)

_BY_TYPE: tuple[tuple[type[BaseException], FailureClass], ...] = (
    (MemoryError, FailureClass.MEMORY),
    (PermissionError, FailureClass.PERMISSION),
    (TimeoutError, FailureClass.TIMEOUT),
    (ConnectionError, FailureClass.CONNECTION),
    (StateError, FailureClass.CONNECTION),
    (SchemaChangeError, FailureClass.SCHEMA),
    (StagedFileError, FailureClass.SCHEMA),
    (PartitionBlockedError, FailureClass.QUALITY),
)
_BY_CODE = {
    "missing": FailureClass.MISSING_DATA,
    "incomplete": FailureClass.MISSING_DATA,
    "empty": FailureClass.MISSING_DATA,
    "schema_drift": FailureClass.SCHEMA,
    "header": FailureClass.SCHEMA,
    "permission": FailureClass.PERMISSION,
    "unreadable": FailureClass.PERMISSION,
    "timeout": FailureClass.TIMEOUT,
    "connection": FailureClass.CONNECTION,
    "unavailable": FailureClass.CONNECTION,
    "throttled": FailureClass.CONNECTION,
    "circuit_open": FailureClass.CONNECTION,
    "unauthorized": FailureClass.PERMISSION,
    "secret": FailureClass.PERMISSION,
    "ssrf_blocked": FailureClass.PERMISSION,
}
# Libraries speak through sentences; the first match wins, so the specific stand before the general.
_BY_WORDS = (
    (("out of memory", "cannot allocate", "oom"), FailureClass.MEMORY),
    (("permission denied", "access denied", "accessdenied", "forbidden", "unauthorized"), FailureClass.PERMISSION),
    (("duplicate key", "unique constraint", "unique violation"), FailureClass.DUPLICATE_KEY),
    (("connection refused", "connection reset", "name resolution", "unreachable"), FailureClass.CONNECTION),
    (("connection timed out", "connect timeout"), FailureClass.CONNECTION),
    (("timed out", "timeout", "deadline exceeded"), FailureClass.TIMEOUT),
    (("schema", "no such column", "column not found"), FailureClass.SCHEMA),
)


def classify_error(error: BaseException) -> FailureClass:
    """Return the class of an exception, or of the nearest of its causes that has one."""
    for cause in _causes(error):
        found = _classify_one(cause)
        if found is not None:
            return found
    return FailureClass.UNKNOWN


def classify_rule(rule_id: str, dimension: Dimension, reason: str = "") -> FailureClass:
    """Return the class of a rule that failed; a refused input carries the code of its error in the reason."""
    parts = reason.split(": ")
    coded = next((_BY_CODE[part] for part in parts[:-1] if part in _BY_CODE), None)
    if coded is not None:
        return coded
    if rule_id == "schema":
        return FailureClass.SCHEMA
    if rule_id == "quarantine_ratio":
        return FailureClass.QUALITY  # counted as volume, but the rows are there: they are bad
    if dimension is Dimension.UNIQUENESS:
        return FailureClass.DUPLICATE_KEY
    return FailureClass.MISSING_DATA if dimension is Dimension.COVERAGE else FailureClass.QUALITY


def default_runbook(failure_class: FailureClass) -> str:
    """Return the runbook of a class, for tables whose contract names none."""
    return f"docs/runbooks/{failure_class.value}.md"


def _classify_one(error: BaseException) -> FailureClass | None:
    if isinstance(error, SourceError):
        return _BY_CODE.get(error.code, FailureClass.QUALITY)
    for kind, found in _BY_TYPE:
        if isinstance(error, kind):
            return found
    said = str(error).lower()
    return next((found for words, found in _BY_WORDS if any(word in said for word in words)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
