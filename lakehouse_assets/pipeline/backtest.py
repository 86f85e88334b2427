"""A contract on stored history before it is merged: which rows it would newly refuse, which it would newly let pass.

Every partition is computed from what its inputs hold today and judged under the contract given, then compared with
what is served. What is staged goes to a temporary folder; nothing is written into the lake.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import ROW_ID, SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.audit import Audited, audit
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.dry_run import open_dry_step
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, recorded
from lakehouse_assets.pipeline.rehearse import movements
from lakehouse_assets.pipeline.run import drafted, verb_of
from lakehouse_assets.pipeline.step import Step

# About a month: enough to see every weekday four times.
LAST = 31


@dataclass(frozen=True, slots=True)
class Backtested:
    """What a contract would make of one partition.

    `newly_refused` and `newly_passing` are rows, `…_rules` count them by rule; a row may break several. Rows of a table
    that is computed from others have no identity: there both are differences of counts. `failing`: rows that
    fail rules which are new, changed, or held before, whatever those rules do. `blocked` says why nothing of the
    partition would be published.
    """

    partition: str
    rows: int
    newly_refused: int = 0
    newly_passing: int = 0
    refused_rules: Mapping[str, int] = field(default_factory=dict)
    passing_rules: Mapping[str, int] = field(default_factory=dict)
    failing: Mapping[str, int] = field(default_factory=dict)
    blocked: str = ""

    @property
    def changes(self) -> bool:
        """Whether the contract makes anything else of the partition than the one it was published under."""
        return bool(self.newly_refused or self.newly_passing or self.failing or self.blocked)


def backtest(lake: Lake, table: TableName, partitions: Sequence[str] = (), *, last: int = LAST) -> Iterator[Backtested]:
    """Judge partitions that are served, the newest where none are named, under the contract of `lake`."""
    contract = lake.contract(table)
    _check(contract)
    wanted = lake.check_partitions(table, partitions) if partitions else _served(lake, contract, last)
    size = contract.load.partitions_per_chunk
    for start in range(0, len(wanted), size):
        with tempfile.TemporaryDirectory(prefix="lakehouse-backtest-") as folder:
            step = open_dry_step(lake, contract, wanted[start : start + size], folder)
            yield from _judged(step, drafted(step, verb_of(contract)))


def _check(contract: Contract) -> None:
    if contract.table.layer == "bronze":
        fix = "What arrives is judged when it lands; test the silver table that is made from it."
    elif contract.role in {Role.CURRENT, Role.HISTORY}:
        fix = f"Test its change log, {', '.join(map(str, contract.upstreams))}: rows are refused there."
    else:
        return
    raise LakehouseError("this table has no history that could be judged again.", where=str(contract.table), fix=fix)


def _served(lake: Lake, contract: Contract, last: int) -> list[str]:
    table = lake.open(contract.table)
    if table is None:
        raise LakehouseError(
            f"{contract.table} was never published.",
            fix="There is no history yet: `lakehouse contract test` needs none.",
        )
    return sorted(table.partitions)[-last:] if contract.is_partitioned else [SNAPSHOT_PARTITION]


def _judged(step: Step, draft: Draft) -> Iterator[Backtested]:
    before = recorded(step.lake.objects_of(step.name), step.table, step.partitions, skip_damaged=True)
    has_identity = ROW_ID in step.columns
    moved = {one.partition: one for one in movements(step, draft)} if has_identity else {}
    for one in audit(step, draft):
        found = _told(one, before.get(one.partition))
        move = moved.get(one.partition)
        if move is None:
            yield found
        else:
            yield Backtested(
                one.partition,
                found.rows,
                newly_refused=move.withdrawn,
                newly_passing=move.released,
                refused_rules=move.withdrawn_rules,
                passing_rules=move.released_rules,
                failing=found.failing,
                blocked=found.blocked,
            )


def _told(audited: Audited, served: Recorded | None) -> Backtested:
    results, ledger = audited.record.results, audited.record.ledger
    held = {(one.rule_id, one.fingerprint): one.passed for one in served.of.results} if served else {}
    failing = [one for one in results if not one.passed and held.get((one.rule_id, one.fingerprint), True)]
    more = ledger.quarantined - served.of.ledger.quarantined if served else 0
    return Backtested(
        audited.partition,
        ledger.read,
        newly_refused=max(more, 0),
        newly_passing=max(-more, 0),
        failing={one.rule_id: one.failed_rows for one in failing},
        blocked=audited.sentence,
    )
