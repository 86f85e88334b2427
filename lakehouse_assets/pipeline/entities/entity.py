"""What an entity's table keeps of its changes: keys, order, SCD types and columns, read from its contract.

Nothing is computed here; `current` and `history` are the functions from changes to rows.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse_assets.contracts.loading import History, Role
from lakehouse_assets.contracts.model import Contract, Kind
from lakehouse_assets.naming import (
    DELETED,
    DELETED_AT,
    IS_CURRENT,
    IS_DELETED,
    RAW_HASH,
    ROW_ID,
    VALID_FROM,
    VALID_TO,
    TableName,
    changes_of,
    current_of,
    previous_of,
    surrogate_key_of,
)
from lakehouse_assets.storage.table import delta_columns

FIRST, NEWEST, VERSION, PREVIOUS = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Entity:
    """How rows of a derived table follow from changes. `types` holds the SCD types of columns.

    A column without a type (keys, as a rule the sequence) is that of the change which made the row.
    `changed` are the columns of a change with their Delta types, `stored` those of a derived row.
    """

    keys: tuple[str, ...]
    sequence_by: str
    types: Mapping[str, int]
    changed: Mapping[str, str]
    stored: Mapping[str, str]
    surrogate: str
    is_history: bool
    with_current: bool
    soft_deletes: bool
    buckets: int

    @property
    def order(self) -> tuple[str, str, str]:
        """What orders the changes of one key; the last one wins."""
        return (self.sequence_by, RAW_HASH, ROW_ID)

    @property
    def tracked(self) -> list[str]:
        """The columns whose change makes a new version."""
        return self.of_type(VERSION)

    @property
    def currents(self) -> list[str]:
        """The columns of versions that are also told with their current value."""
        return [name for name in self.tracked if name != self.sequence_by] if self.with_current else []

    @property
    def can_fold(self) -> bool:
        """Whether new changes and the row of a key are enough to know its next row."""
        return not self.is_history and not self.soft_deletes and set(self.types.values()) <= {NEWEST}

    @property
    def meaning(self) -> str:
        """A hash of everything here: rows derived under another one are derived again."""
        words = [self.keys, self.sequence_by, sorted(self.types.items()), dict(self.changed), dict(self.stored)]
        flags = [self.is_history, self.with_current, self.soft_deletes, self.buckets]
        return hashlib.sha256(repr([*words, *flags]).encode()).hexdigest()

    def of_type(self, wanted: int) -> list[str]:
        """Return the columns of one SCD type."""
        return [name for name, each in self.types.items() if each == wanted]


def entity_of(contract: Contract) -> Entity:
    """Return what the contract of a derived table says about its entity."""
    load, is_history = contract.load, contract.role is Role.HISTORY
    surrogate = _surrogate_of(contract) if is_history else ""
    promised = delta_columns(contract.columns)
    own = {name: kind for name, kind in promised.items() if name not in _added(contract, surrogate)}
    identity = {ROW_ID: Kind.STRING.value, RAW_HASH: Kind.LONG.value}
    return Entity(
        keys=load.keys,
        sequence_by=load.sequence_by,
        types={name: each for name, each in load.scd_types.items() if name in own},
        changed={**own, DELETED: Kind.BOOLEAN.value, **identity},
        stored={**promised, **identity},
        surrogate=surrogate,
        is_history=is_history,
        with_current=is_history and load.history is History.SCD6,
        soft_deletes=load.soft_deletes,
        buckets=load.buckets,
    )


def _added(contract: Contract, surrogate: str) -> set[str]:
    """Return the names of the columns that only deriving makes."""
    load = contract.load
    typed = load.scd_types.items()
    added = {previous_of(name) for name, each in typed if each == PREVIOUS}
    added |= {IS_DELETED, DELETED_AT} if load.soft_deletes else set()
    if contract.role is Role.HISTORY:
        added |= {VALID_FROM, VALID_TO, IS_CURRENT, surrogate}
        added |= {current_of(name) for name, each in typed if each == VERSION and load.history is History.SCD6}
    return added


def _surrogate_of(contract: Contract) -> str:
    """Return the name of the surrogate key, after the entity: that of its change log without the suffix."""
    (log,) = contract.upstreams
    suffix = changes_of(TableName(log.layer, ("",))).short
    return surrogate_key_of(TableName(log.layer, (log.short.removesuffix(suffix),)))
