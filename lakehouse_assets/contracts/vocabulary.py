"""What the loader is told about the rest of the project: which rules, kinds and names exist. Given, never imported."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakehouse_assets.contracts.model import Column, RuleKind
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.results import Dimension

# The parameter that the loader gives the values of a reference list; contracts name the list and never write this.
FILLED = "entries"


Check = Callable[[Mapping[str, Any], Sequence[Column]], Mapping[str, Any]]


class ArgumentError(LakehouseError):
    """Arguments with which a rule could not run; `code` is that of the finding they become."""

    def __init__(self, code: str, what: str, *, fix: str = "") -> None:
        self.code = code
        super().__init__(what, fix=fix)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword argument of a rule function, which is also its YAML key."""

    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class RuleSignature:
    """A rule as the loader sees it. `needs_column`: its first argument is the expression of one column.

    `check` is for arguments that only the rule itself can judge: it returns them as they mean, or raises ArgumentError.
    """

    name: str
    kind: RuleKind
    dimension: Dimension
    parameters: tuple[Parameter, ...]
    needs_column: bool
    summary: str
    module: str = ""
    check: Check | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SourceBlocks:
    """What sources of one kind may say: options of a table, and keys of the connection (None: any).

    `is_log`: they have records in order, which are appended and replace nothing.
    """

    options: type[Block] = Block
    connection: type[Block] | None = None
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything a configuration may refer to. `transforms` maps a table to its function's parameter names.

    `source_blocks` has the keys of those kinds of sources that declare theirs.
    """

    rules: Mapping[str, RuleSignature] = field(default_factory=dict)
    source_kinds: Mapping[str, str] = field(default_factory=dict)
    source_blocks: Mapping[str, SourceBlocks] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    transforms: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)
