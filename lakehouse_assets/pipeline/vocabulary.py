"""Collects what a configuration may refer to from the rooms that offer it; the loader is given the result.

There is no list to edit: a rule, connector, transform or channel is found because its module is there.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse_assets import registry
from lakehouse_assets.contracts.vocabulary import RuleSignature, SourceBlocks, Vocabulary
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.naming import TableName

RULES = "lakehouse_assets.quality.rules"
CONNECTORS = "lakehouse_assets.connectors"
CHANNELS = "lakehouse_assets.incidents.channels"
TRANSFORMS = "lakehouse_assets.transforms"


def collect_vocabulary() -> Vocabulary:
    """Return every rule, kind of source, channel and transform of the installed package."""
    rules = registry.discover(RULES, _rule_name)
    kinds = registry.discover(CONNECTORS, _kind)
    return Vocabulary(
        rules={name: plugin.value.signature for name, plugin in sorted(rules.items())},
        source_kinds=_modules(kinds),
        source_blocks={name: _blocks_of(plugin.value) for name, plugin in kinds.items()},
        channels=_modules(registry.discover(CHANNELS, _kind)),
        transforms={table: _parameters(plugin.value) for table, plugin in transforms().items()},
    )


def transforms() -> dict[TableName, registry.Plugin]:
    """Return the function of every table that has one; it is named like its module."""
    return {
        TableName(layer, (name,)): plugin
        for layer in ("silver", "gold")
        for name, plugin in sorted(registry.discover(f"{TRANSFORMS}.{layer}", _own_name).items())
    }


def _modules(found: Mapping[str, registry.Plugin]) -> dict[str, str]:
    return {name: plugin.module for name, plugin in sorted(found.items())}


def _blocks_of(kind: type[Any]) -> SourceBlocks:
    """Return what a connector says about its keys: `options_block` and `connection_block`, both optional."""
    is_log = hasattr(kind, "read_log")
    return SourceBlocks(getattr(kind, "options_block", Block), getattr(kind, "connection_block", None), is_log)


def _rule_name(value: object) -> str | None:
    signature = getattr(value, "signature", None)
    return signature.name if isinstance(signature, RuleSignature) else None


def _kind(value: object) -> str | None:
    kind = getattr(value, "kind", None)
    return kind if isinstance(value, type) and isinstance(kind, str) else None


def _own_name(value: object) -> str | None:
    if not inspect.isfunction(value):
        return None
    return value.__name__ if value.__module__.rpartition(".")[2] == value.__name__ else None


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)
