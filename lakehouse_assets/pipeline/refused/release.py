"""Replaying quarantine: rows that pass today's contract go into their own partition, by running it again from bronze.

First everything is rehearsed, then what moves is run by the ordinary verb. Rows are never withdrawn unannounced: not
in the rehearsal, and not by anything that changed between it and the run.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.contracts.waiver_file import known_rules
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.errors import LakehouseError, WithdrawalRefusedError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.dry_run import open_dry_step
from lakehouse_assets.pipeline.intent import Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.outdated import find_outdated
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.refused.quarantined import count_quarantine
from lakehouse_assets.pipeline.rehearse import Movement, movements
from lakehouse_assets.pipeline.run import drafted, materialise, verb_of
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import PartitionResult

PURPOSE = "quarantine replay"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a replay is about: a table, and maybe one rule or some partitions of it."""

    table: TableName
    rule: str = ""
    partitions: tuple[str, ...] = ()


def rehearse(lake: Lake, scope: Scope) -> list[Movement]:
    """Return what a replay would move, partition by partition, without writing anything into the lake.

    Judged are partitions with rows in quarantine and those that were judged by other rules than today's; of one rule,
    those that it refused rows of or that knew it otherwise. Partitions that are named are judged whatever they hold.
    """
    contract = lake.contract(scope.table)
    _check(contract)
    partitions = _concerned(lake, contract, scope)
    size = contract.load.partitions_per_chunk
    found: list[Movement] = []
    for start in range(0, len(partitions), size):
        with tempfile.TemporaryDirectory(prefix="lakehouse-replay-") as folder:
            step = open_dry_step(lake, contract, partitions[start : start + size], folder)
            found += movements(step, drafted(step, verb_of(contract)))
    return found


def replay(
    lake: Lake, table: TableName, moved: Sequence[Movement], *, run_id: str, accept_withdrawals: bool = False
) -> list[PartitionResult]:
    """Run the partitions again in which rehearsed rows move; raise WithdrawalRefusedError before anything is changed.

    What a race makes of the rehearsal is looked at once more: a chunk that would now withdraw rows is not published.
    """
    affected = [one for one in moved if one.moves]
    if not accept_withdrawals:
        _refuse(table, affected)

    def approve(step: Step, draft: Draft) -> None:
        _refuse(table, movements(step, draft))

    intent = Intent(purpose=PURPOSE) if accept_withdrawals else Intent(purpose=PURPOSE, approve=approve)
    partitions = [one.partition for one in affected]
    return list(materialise(lake, table, partitions, run_id=run_id, intent=intent))


def _refuse(table: TableName, moved: Sequence[Movement]) -> None:
    losing = [one for one in moved if one.withdrawn and not one.blocked]
    if losing:
        rows = sum(one.withdrawn for one in losing)
        days = ", ".join(one.partition for one in losing[:5]) + (" …" if len(losing) > 5 else "")  # noqa: PLR2004 - a line
        raise WithdrawalRefusedError(
            f"{rows:,} published rows would be withdrawn ({days}); nothing was changed.",
            where=str(table),
            fix="Look at them with --dry-run, tell the consumers, then add --accept-withdrawals.",
        )


def _check(contract: Contract) -> None:
    if contract.role in {Role.CURRENT, Role.HISTORY}:
        fix = f"Replay its change log, {', '.join(map(str, contract.upstreams))}: it follows from that."
    elif contract.table.layer == "bronze":
        fix = "Bronze keeps what it cannot read; replay the silver table that is made from it."
    elif [name.layer for name in contract.upstreams] != ["bronze"]:
        fix = f"Its rows are computed, not received: run `lakehouse run {contract.table}` once its input is right."
    else:
        return
    raise LakehouseError("this table has no quarantine that could be replayed.", where=str(contract.table), fix=fix)


def _concerned(lake: Lake, contract: Contract, scope: Scope) -> list[str]:
    if scope.partitions:
        return lake.check_partitions(scope.table, scope.partitions)
    held = count_quarantine(lake, scope.table)
    if not scope.rule:
        old = {one.partition for one in find_outdated(lake, scope.table)}
        return sorted({one.partition for one in held} | old)
    known = {*known_rules(contract), *(one.rule for one in held)}
    if scope.rule not in known:
        raise LakehouseError(
            f"{scope.table} has no rule {scope.rule!r}.", where=str(contract.place), fix=nearest(scope.rule, known)
        )
    refused = {one.partition for one in held if one.rule == scope.rule}
    return sorted(refused | set(_judged_otherwise(lake, contract, scope.rule)))


def _judged_otherwise(lake: Lake, contract: Contract, rule: str) -> Iterator[str]:
    today = next((spec.fingerprint for spec in contract.rules if spec.id == rule), None)
    for partition, word in served(lake, contract.table, skip_damaged=True).items():
        judged = next((one.fingerprint for one in word.of.results if one.rule_id == rule), None)
        # A rule of parsing has no declaration of its own: what it means is part of the rule set.
        if judged != today if today is not None else word.record.rule_set != contract.rule_set:
            yield partition
