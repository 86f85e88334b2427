"""Which rows a failed rule is about: the first few row ids of each, read only where a rule failed, never a value.

A row id says where a row came from. Refused rows are looked up in quarantine, those of a kept-back partition beside it;
rows that a row rule kept are found by judging what is served once more. Rules over many rows name none, nor do tables
whose rows have no id: what is computed from others came from nowhere in particular.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

import narwhals as nw

from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.engines.faults import without_values
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import ROW_ID, TableName, blocked_of
from lakehouse_assets.pipeline.computing import POLARS, engine_of
from lakehouse_assets.pipeline.content import served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.pipeline.refused.quarantined import RULE, by_reason
from lakehouse_assets.pipeline.step import stored_columns
from lakehouse_assets.quality.judge import bind
from lakehouse_assets.results import OnFailure, Outcome, PartitionResult

SHOWN = 5
Samples = Mapping[tuple[str, str], tuple[str, ...]]
_Wanted = Sequence[tuple[str, str]]
_log = logging.getLogger(__name__)


def sample_rows(lake: Lake, table: TableName, results: Sequence[PartitionResult]) -> Samples:
    """Return row ids by partition and rule id, the first of each rule that found rows; nothing on a fault.

    They help whoever looks; a publish that is done does not fail because nobody could look at it.
    """
    contract = lake.contract(table)
    failed = _failed(results)
    if not failed or ROW_ID not in stored_columns(lake, contract):
        return {}
    kept_back = {one.partition for one in results if one.is_blocked}
    refused = [pair for pair, action in failed if action is OnFailure.QUARANTINE]
    kept = [pair for pair, action in failed if action is OnFailure.KEEP and pair[0] not in kept_back]
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    try:
        with without_values(str(table)):
            found |= _of_quarantine(lake, contract, [pair for pair in refused if pair[0] not in kept_back])
            found |= _of_blocked(lake, contract, [pair for pair in refused if pair[0] in kept_back])
            found |= _of_served(lake, contract, kept)
    except LakehouseError as error:
        _log.warning("%s: rows that broke rules cannot be named: %s", table, error.what)
    return found


def _failed(results: Iterable[PartitionResult]) -> list[tuple[tuple[str, str], OnFailure]]:
    # What an override published is there, like what a rule keeps.
    return [
        ((one.partition, rule.rule_id), OnFailure.KEEP if rule.rule_id in one.record.overridden else rule.on_failure)
        for one in results
        for rule in one.record.results
        if rule.outcome is Outcome.FAIL and rule.failed_rows
    ]


def _of_quarantine(lake: Lake, contract: Contract, wanted: _Wanted) -> Samples:
    rows = served_quarantine(lake, contract.table) if wanted else None
    return {} if rows is None else _first_reasons(lake, contract, rows, wanted)


def _of_blocked(lake: Lake, contract: Contract, wanted: _Wanted) -> Samples:
    side = lake.open(blocked_of(contract.table)) if wanted else None
    if side is None:
        return {}
    files = side.files_of(sorted({partition for partition, _ in wanted}))
    return _first_reasons(lake, contract, lake.scan(side, files), wanted)


def _first_reasons(lake: Lake, contract: Contract, rows: nw.LazyFrame, wanted: _Wanted) -> Samples:
    by = contract.partition_column
    reasons = by_reason(rows, by)
    return _first(lake, {(p, rule): reasons.filter(nw.col(by) == p, nw.col(RULE) == rule) for p, rule in wanted})


def _of_served(lake: Lake, contract: Contract, wanted: _Wanted) -> Samples:
    specs = {spec.id: spec for spec in contract.rules if spec.kind is RuleKind.ROW}
    wanted = [pair for pair in wanted if pair[1] in specs]
    # What Spark computes may be too much to be read here.
    opened = lake.open(contract.table) if wanted and engine_of(lake, contract) == POLARS else None
    if opened is None:
        return {}
    rows = {p: lake.scan(opened, opened.files_of([p])) for p, _ in wanted}
    violated = {(p, rule): _violating(lake, contract, rows[p], specs[rule]) for p, rule in wanted}
    return _first(lake, {pair: found for pair, found in violated.items() if found is not None})


def _violating(lake: Lake, contract: Contract, rows: nw.LazyFrame, spec: RuleSpec) -> nw.LazyFrame | None:
    (rule,) = bind([spec], lake.rule_functions, scope_of(contract))
    return None if rule.error else rows.filter(rule.violated)


def _first(lake: Lake, frames: Mapping[tuple[str, str], nw.LazyFrame]) -> Samples:
    if not frames:
        return {}
    asked = [rows.select(ROW_ID).top_k(SHOWN, by=ROW_ID, reverse=True) for rows in frames.values()]
    read = lake.engine.collect_all(asked)
    return {pair: tuple(sorted(found[ROW_ID].to_list())) for pair, found in zip(frames, read, strict=True)}
