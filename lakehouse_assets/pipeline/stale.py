"""Partitions whose foreign keys were judged against an older version of the referenced table.

Only records are read, never rows. Requesting the partitions is `defs.stale`'s business.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lakehouse_assets.contracts.model import Catalog, Contract, RuleKind
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, newest


@dataclass(frozen=True, slots=True)
class Stale:
    """A partition to compute again: `publish` judged it, but not against these versions of its `references`."""

    table: TableName
    partition: str
    publish: str
    references: tuple[tuple[str, int], ...]


def has_foreign_keys(contract: Contract) -> bool:
    """Whether rows of a table may be refused because of another table."""
    return any(spec.kind is RuleKind.FOREIGN_KEY for spec in contract.rules)


def referring(catalog: Catalog) -> list[Contract]:
    """Return the contracts with foreign keys."""
    return [contract for contract in catalog.contracts.values() if has_foreign_keys(contract)]


def find_stale(lake: Lake) -> list[Stale]:
    """Return every partition with rows refused by a foreign key whose referenced table was published since.

    A partition that was kept back counts too: its rows may be exactly what the referenced table was missing.
    """
    contracts = referring(lake.catalog)
    names = sorted({name for contract in contracts for name in _references(contract).values()})
    opened = {name: lake.open(name) for name in names}
    current = {str(name): table.version for name, table in opened.items() if table is not None}
    return [one for contract in contracts for one in stale_of(contract, newest(lake, contract.table), current)]


def stale_of(contract: Contract, words: Mapping[str, Recorded], current: Mapping[str, int]) -> Iterator[Stale]:
    """Yield the stale partitions of one table. `words` are its newest records, `current` the versions of tables."""
    for partition, word in words.items():
        moved = {name: current[name] for name in _refusing(contract, word) if _has_moved(name, word, current)}
        if moved:
            yield Stale(contract.table, partition, word.publish, tuple(sorted(moved.items())))


def _refusing(contract: Contract, word: Recorded) -> set[str]:
    references = _references(contract)
    failed = {result.rule_id for result in word.of.results if result.failed_rows}
    return {str(table) for rule_id, table in references.items() if rule_id in failed}


def _has_moved(name: str, word: Recorded, current: Mapping[str, int]) -> bool:
    return name in current and current[name] != word.record.upstreams.get(name)


def _references(contract: Contract) -> dict[str, TableName]:
    keys = (spec for spec in contract.rules if spec.kind is RuleKind.FOREIGN_KEY)
    return {spec.id: TableName.parse(str(spec.arguments["table"])) for spec in keys}
