"""Partitions that were judged under other rules, exemptions or another contract version than today's.

Only records are read, never rows. Running them again is `restate`; nothing here asks for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, recorded
from lakehouse_assets.pipeline.refused.exempt import is_as_accepted


@dataclass(frozen=True, slots=True)
class Outdated:
    """A partition that readers see as another contract left it; `why` is a clause for a person."""

    table: str
    partition: str
    served_version: str
    contract_version: str
    why: str


def find_outdated(lake: Lake, table: TableName) -> list[Outdated]:
    """Return the outdated partitions of a table in order; of a table without partitions `0`.

    What was appended once is never outdated: it is not landed again.
    """
    contract = lake.contract(table)
    opened = lake.open(table)
    if opened is None or contract.load.mode is Mode.APPEND_ONCE:
        return []
    served = opened.partitions if contract.is_partitioned else (SNAPSHOT_PARTITION,)
    words = recorded(lake.objects_of(table), opened, served, skip_damaged=True)
    found = (_outdated(lake, contract, partition, words) for partition in served)
    return [one for one in found if one is not None]


def is_outdated(contract: Contract, version: str, rule_set: str) -> bool:
    """Whether what was published under a version and a rule set is not what the contract says today."""
    is_final = contract.load.mode is Mode.APPEND_ONCE
    return not is_final and (version, rule_set) != (contract.version, contract.rule_set)


def _outdated(lake: Lake, contract: Contract, partition: str, words: Mapping[str, Recorded]) -> Outdated | None:
    word = words.get(partition)
    if word is None:
        return Outdated(str(contract.table), partition, "", contract.version, "its record is gone")
    version, rule_set = word.record.contract_version, word.record.rule_set
    if is_outdated(contract, version, rule_set):
        why = f"version {version} → {contract.version}" if version != contract.version else "other rules or columns"
    elif not is_as_accepted(lake, contract.table, word.of):
        why = "other waivers or overrides, or one has expired"
    else:
        return None
    return Outdated(str(contract.table), partition, version, contract.version, why)
