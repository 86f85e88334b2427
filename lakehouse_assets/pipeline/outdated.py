"""Partitions that were judged under other rules, exemptions or another contract version than today's.

Only records are read, never rows. Running them again is `restate`; nothing here asks for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.exempt import is_as_accepted
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, recorded


@dataclass(frozen=True, slots=True)
class Outdated:
    """A partition that readers see as another contract left it; `why` is a clause for a person."""

    table: str
    partition: str
    served_version: str
    contract_version: str
    why: str


def find_outdated(lake: Lake, table: TableName) -> list[Outdated]:
    """Return the outdated partitions of a table in order; of a table without partitions `0`, once."""
    contract = lake.contract(table)
    opened = lake.open(table)
    if opened is None:
        return []
    words = recorded(lake.objects_of(table), opened, opened.partitions, skip_damaged=True)
    found = [_outdated(lake, contract, partition, words) for partition in opened.partitions]
    kept = [one for one in found if one is not None]
    return kept if contract.is_partitioned else kept[:1]


def is_outdated(contract: Contract, version: str, rule_set: str) -> bool:
    """Whether what was published under a version and a rule set is not what the contract says today."""
    return (version, rule_set) != (contract.version, contract.rule_set)


def _outdated(lake: Lake, contract: Contract, partition: str, words: Mapping[str, Recorded]) -> Outdated | None:
    key = partition if contract.is_partitioned else SNAPSHOT_PARTITION
    word = words.get(partition)
    if word is None:
        why = "its record is gone"
        return Outdated(str(contract.table), key, "", contract.version, why)
    version, rule_set = word.record.contract_version, word.record.rule_set
    if is_outdated(contract, version, rule_set):
        why = f"version {version} → {contract.version}" if version != contract.version else "other rules or columns"
    elif not is_as_accepted(lake, contract.table, word.of):
        why = "other waivers or overrides, or one has expired"
    else:
        return None
    return Outdated(str(contract.table), key, version, contract.version, why)
