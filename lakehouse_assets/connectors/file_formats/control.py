"""Control files: what a source itself recorded about the files of a partition, in a JSON or YAML file beside them.

What belongs here: finding and reading them. What does not: comparing their word with what landed, which is a rule's.
A word that is not there or cannot be read refuses nothing here; the rule that was promised it becomes an error.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lakehouse_assets.connectors.file_formats.locations import Entry, Location
from lakehouse_assets.connectors.said import together
from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets.documents.findings import Report
from lakehouse_assets.documents.strict_yaml import MAX_BYTES, parse_document
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import SourceObject


@dataclass(frozen=True, slots=True)
class Word:
    """What a source recorded, as `Extraction.said` has it; `unsaid` is why there is nothing."""

    said: Mapping[str, Any] = field(default_factory=dict)
    unsaid: str = ""


class _UnreadableError(Exception):
    """A control file that says nothing; the message is the reason."""


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        msg = "write a number"
        raise ValueError(msg)  # noqa: TRY004 - what pydantic collects
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        msg = "write a finite number"
        raise ValueError(msg)
    return number


class _Control(BaseModel):
    """What is read of a control file; senders write more than that."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rows: Annotated[int, Field(ge=0, strict=True)] | None = None
    sums: dict[str, Annotated[Decimal, BeforeValidator(_number)]] = {}
    sha256: str | dict[str, str] = {}


def control_of(read: ReadOptions, partition: str, path: str) -> str:
    """Return the path of the control file of a file of a partition; "" where there is none."""
    return read.control.replace("{partition}", partition).replace("{file}", path)


def without_controls(read: ReadOptions, partition: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the files of a partition that are data: `*` may match their control files, too."""
    controls = {control_of(read, partition, entry.path) for entry in entries}
    return [entry for entry in entries if entry.path not in controls]


def read_word(location: Location, read: ReadOptions, partition: str, objects: Sequence[SourceObject]) -> Word:
    """Return what the control files of a partition say about its objects, added up."""
    about: dict[str, list[SourceObject]] = {}
    for one in objects:
        about.setdefault(control_of(read, partition, one.path), []).append(one)
    try:
        said = [_said(_read(location, path), path, found) for path, found in about.items()]
    except _UnreadableError as error:
        return Word(unsaid=str(error))
    return Word(together(said))


def _read(location: Location, path: str) -> _Control:
    where = f"{location.name}/{path}"
    try:
        entry = location.find(path)
        if entry is None:
            raise _UnreadableError(f"{path} has not arrived")
        if entry.size > MAX_BYTES:
            raise _UnreadableError(f"{where} has {entry.size:,} bytes; at most {MAX_BYTES:,} are read")
        content = b"".join(location.read(entry))
    except SourceError as error:
        raise _UnreadableError(str(error)) from error
    try:
        return _Control.model_validate(_parsed(content, path, where))
    except ValidationError as error:
        keys = dict.fromkeys(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise _UnreadableError(f"{where}: {', '.join(keys)} cannot be what the source recorded") from error


def _parsed(content: bytes, path: str, where: str) -> dict[str, Any]:
    if not path.endswith(".json"):
        report = Report()
        document = parse_document(content, where, report)
        if document is None or report.errors:
            raise _UnreadableError(f"{where}: {next(iter(report.sorted())).message}")
        return document.data
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_float=Decimal, object_pairs_hook=_unique)
    except ValueError as error:
        raise _UnreadableError(f"{where} is no JSON") from error
    if not isinstance(data, dict):
        raise _UnreadableError(f"{where} is no JSON object")
    return data


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = "a key is written twice"
        raise ValueError(msg)
    return found


def _said(control: _Control, path: str, objects: Sequence[SourceObject]) -> dict[str, Any]:
    said: dict[str, Any] = {} if control.rows is None else {"rows": control.rows}
    if control.sums:
        said["sums"] = {name: format(value, "f") for name, value in sorted(control.sums.items())}
    if isinstance(control.sha256, str):
        if len(objects) != 1:
            raise _UnreadableError(f"{path} has one sha256 for {len(objects)} files")
        said["sha256"] = {objects[0].path: control.sha256.lower()}
    elif control.sha256:
        named = {one.path.rpartition("/")[2]: one.path for one in objects}
        said["sha256"] = {named.get(name, name): digest.lower() for name, digest in control.sha256.items()}
    return said
