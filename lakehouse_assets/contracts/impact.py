"""Whom a change of a contract reaches: consumers by the columns they named, tables by the columns they are made of.

Also the notices that consumers get of breaking changes, as records; sending them is an outbox's business.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse_assets.contracts.diff import MAJOR, NOTIFY, Change, Comparison
from lakehouse_assets.contracts.entities import tables_in
from lakehouse_assets.contracts.model import Catalog, Contract
from lakehouse_assets.contracts.odcs import upstream_of

NOTICE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Reached:
    """One reader of what changed: a consumer of the contract, or a table (`kind`: `table`); columns it names."""

    name: str
    kind: str
    columns: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def is_broken(self) -> bool:
        """Whether one of the changes is a breaking one."""
        return any(change.level == MAJOR for change in self.changes)


@dataclass(frozen=True, slots=True)
class Notice:
    """What one consumer is to be told, and from when on it is so at the earliest."""

    table: str
    consumer: str
    kind: str
    version_before: str
    version_after: str
    effective_on: str
    sentences: tuple[str, ...]


def reached_by(found: Comparison, old: Contract, catalog: Catalog | None = None) -> tuple[Reached, ...]:
    """Return who reads what changed; a consumer that names no columns reads all of them."""
    readers = [Reached(one.name, one.kind, one.columns, _of(found.changes, one.columns)) for one in old.consumers]
    readers += [Reached(name, "table", columns, _of(found.changes, columns)) for name, columns in _tables(old, catalog)]
    return tuple(reader for reader in readers if reader.changes)


def notices(
    found: Comparison, old: Contract, new: Contract, reached: Sequence[Reached], today: date
) -> tuple[Notice, ...]:
    """Return one notice a consumer that breaks; tables are ours and change with it."""
    wait = NOTICE_DAYS if NOTIFY in {old.breaking_change_policy, new.breaking_change_policy} else 0
    return tuple(
        Notice(
            table=str(old.table),
            consumer=reader.name,
            kind=reader.kind,
            version_before=old.version,
            version_after=new.version,
            effective_on=(today + timedelta(days=wait)).isoformat(),
            sentences=tuple(f"{one.subject} {one.sentence}" for one in reader.changes if one.level == MAJOR),
        )
        for reader in reached
        if reader.kind != "table" and reader.is_broken and found.needs == MAJOR
    )


def _of(changes: Sequence[Change], columns: tuple[str, ...]) -> tuple[Change, ...]:
    return tuple(one for one in changes if not one.columns or not columns or set(one.columns) & set(columns))


def _tables(old: Contract, catalog: Catalog | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    made = tables_in(old.table, old.odcs or {})
    for contract in catalog.contracts.values() if catalog else ():
        sources = [upstream_of(source) for column in contract.columns for source in column.sources]
        read = [pair[1] for pair in sources if pair and pair[0] in made and contract.table not in made]
        if read:
            yield str(contract.table), tuple(dict.fromkeys(read))
