"""Typed blocks of configuration: a pydantic model per block, its errors told as findings with a line.

Every block of ours is a `Block`; its field descriptions become the reference. What a block means is not here.
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from datetime import timedelta
from types import NoneType
from typing import Annotated, Any, Literal, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from lakehouse_assets.documents.findings import Report, Spot, nearest
from lakehouse_assets.documents.strict_yaml import Steps

_DURATION = re.compile(r"(\d{1,6})(d|h|min|s)")
_WORDS: dict[object, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    timedelta: "duration",
    Any: "anything",
}
_UNITS = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}


class Block(BaseModel):
    """A mapping with known keys, written in camelCase; unknown keys and wrong types are refused."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


def _to_duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        msg = "write a number and a unit, such as 2d, 12h, 30min or 10s"
        raise ValueError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def duration_text(duration: timedelta) -> str:
    """Return a duration as configuration writes it: `2d`, `12h`, `90min`."""
    seconds = duration // timedelta(seconds=1)
    for unit, name in _UNITS.items():
        size = timedelta(**{name: 1}) // timedelta(seconds=1)
        if seconds % size == 0 and seconds:
            return f"{seconds // size}{unit}"
    return "0d"


def _to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Duration = Annotated[timedelta, BeforeValidator(_to_duration)]
_Item = TypeVar("_Item")
Items = Annotated[tuple[_Item, ...], BeforeValidator(_to_tuple)]
_Model = TypeVar("_Model", bound=BaseModel)


class Located(Protocol):
    """Data whose nodes have a place, such as a document."""

    @property
    def data(self) -> Mapping[str, Any]:
        """Plain data."""
        ...

    def spot(self, steps: Steps = ()) -> Spot:
        """Return the place of the node at `steps`."""
        ...


def read_block(model: type[_Model], value: object, document: Located, steps: Steps, report: Report) -> _Model | None:
    """Return `value`, found at `steps` of the document, as `model`; None and findings when it is not one."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_context=True, include_input=False):
            _tell(model, problem, document, steps, report)
    return None


def _tell(model: type[BaseModel], problem: Mapping[str, Any], document: Located, steps: Steps, report: Report) -> None:
    inner = _steps_in(document, steps, problem["loc"])
    spot = document.spot([*steps, *inner])
    name = ".".join(str(step) for step in inner) or "the value"
    match problem["type"]:
        case "extra_forbidden":
            report.add("LH201", spot, f"unknown key {inner[-1]!r}.", nearest(inner[-1], _keys(model, inner[:-1])))
        case "missing":
            report.add("LH202", spot, f"{problem['loc'][-1]!r} is missing.")
        case "literal_error" | "enum":
            hint = f"Use one of {problem['ctx']['expected']}."
            report.add("LH203", spot, f"{name} has a value that is not known.", hint)
        case _:
            message = str(problem["msg"]).removeprefix("Value error, ")
            report.add("LH203", spot, f"{name}: {message[:1].lower()}{message[1:]}.")


def _steps_in(document: Located, steps: Steps, location: Steps) -> list[str | int]:
    """Keep the part of a pydantic location that exists in the document; the rest names union members."""
    node: Any = document.data
    for step in steps:
        node = node[step]
    kept: list[str | int] = []
    for step in location:
        inside = (isinstance(node, dict) and step in node) or (
            isinstance(node, list) and isinstance(step, int) and step < len(node)
        )
        if inside:
            node = node[step]
            kept.append(step)
    return kept


def _keys(model: type[BaseModel], steps: Steps) -> list[str]:
    found: type[BaseModel] = model
    for step in steps:
        field = next((field for field in found.model_fields.values() if field.alias == step), None)
        found = next(models_in(field.annotation), found) if field else found
    return [field.alias or name for name, field in found.model_fields.items()]


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the blocks that a field's annotation holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def type_words(annotation: object) -> str:
    """Return the type of a field as the reference calls it."""
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is Annotated:
        return type_words(get_args(annotation)[0])
    words = _WORDS.get(annotation) if isinstance(annotation, Hashable) else None
    if words is not None:
        return words
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__.removesuffix("Block").lower()
    inner = [type_words(argument) for argument in get_args(annotation) if argument not in {NoneType, Ellipsis}]
    if get_origin(annotation) is tuple:
        return f"list of {inner[0]}"
    return f"mapping to {inner[-1]}" if get_origin(annotation) is dict else " or ".join(inner)
