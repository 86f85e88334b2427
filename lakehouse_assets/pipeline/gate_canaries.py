"""Proof that the rules about whole partitions which nobody declares can fail: arrival, derivation, ledger, gate.

Results only, each made by the function that a run asks; rules about rows are in `built_in_canaries`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.loading import Gate, Role
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import SourceError
from lakehouse_assets.naming import DELETED, IS_CURRENT, RAW_HASH, ROW_ID, VALID_FROM, VALID_TO
from lakehouse_assets.pipeline.arrival import accepted, refused
from lakehouse_assets.pipeline.canaries import ALARMS, NOTHING, SILENT, SINGS, Canary
from lakehouse_assets.pipeline.entities.entity import Entity, entity_of
from lakehouse_assets.pipeline.entities.rules import (
    NO_GAP,
    NO_OVERLAP,
    ONE_CURRENT,
    ONE_ROW,
    ROWS_CARRIED,
    entity_results,
    judge_computed,
    judge_rows,
)
from lakehouse_assets.quality.attest import RULES_EXECUTED, attest
from lakehouse_assets.quality.gate import EMPTY_PARTITION, LEDGER_BALANCES, MIN_ROWS, QUARANTINE_RATIO, gate
from lakehouse_assets.quality.judge import result_of
from lakehouse_assets.quality.samples.violations import MEANING
from lakehouse_assets.results import ADDED, DriftEvent, Ledger, Outcome, RuleResult

_ROWS = 1_000
_Results = Iterable[RuleResult]
_Version = tuple[str, int, int | None, bool]


def gate_canaries(contract: Contract) -> Iterator[Canary]:
    """Yield what became of the rules of arrival, derivation, gate and attestation that a table has."""
    if contract.table.layer == "bronze":
        yield from _arrival(contract)
    if contract.role in {Role.CURRENT, Role.HISTORY}:
        yield from _derivation(contract)
    yield from _gate(contract)
    yield _attestation(contract)


def _arrival(contract: Contract) -> Iterator[Canary]:
    whole = Extraction("p", nw.from_native(pl.LazyFrame()), 1)
    drifted = replace(whole, drift=(DriftEvent(ADDED, added=("new",)),))
    rows = {"rows": 1, "defects": 0}
    fine = accepted(whole, rows, {})
    found = {
        "arrival": refused(Rejection("p", SourceError("missing", "nothing arrived."))),
        "well_formed": accepted(whole, {**rows, "defects": 1}, {}),
        "schema": accepted(drifted, rows, {}),
        "repeated_content": accepted(whole, rows, {"a.csv": "o"}),
    }
    return (_said(contract, name, fine, results) for name, results in found.items())


def _gate(contract: Contract) -> Iterator[Canary]:
    bounds = contract.gate
    size = max(_ROWS, bounds.min_rows)
    fine = gate(bounds, Ledger(read=size, published=size))
    reasons = {
        QUARANTINE_RATIO: "any share of refused rows is allowed",
        EMPTY_PARTITION: "a partition without rows is allowed",
    }
    for name, ledger in _wrong_ledgers(bounds, size).items():
        results = gate(bounds, ledger) if ledger is not None else ()
        yield _said(contract, name, fine, results, nothing=reasons.get(name, "") if ledger is None else "")


def _wrong_ledgers(bounds: Gate, size: int) -> Mapping[str, Ledger | None]:
    """Return a ledger that breaks each rule of the gate, None where the contract allows everything."""
    most = int(size * bounds.max_quarantine_ratio) + 1
    too_many = Ledger(read=size, published=size - most, quarantined=most) if most <= size else None
    none_left = Ledger(read=size, filtered=size) if bounds.empty_partition != "allow" else None
    few = Ledger(read=size, published=bounds.min_rows - 1, filtered=size - bounds.min_rows + 1)
    return {
        LEDGER_BALANCES: Ledger(read=size, published=size - 1),
        QUARANTINE_RATIO: too_many,
        EMPTY_PARTITION: none_left,
        **({MIN_ROWS: few} if bounds.min_rows else {}),
    }


def _attestation(contract: Contract) -> Canary:
    specs = contract.rules
    passed = [result_of(spec, Outcome.PASS) for spec in specs]
    nothing = "" if specs else "no rule is declared that could be left out"
    return _said(contract, RULES_EXECUTED, attest(specs, passed), attest(specs, passed[1:]), nothing=nothing)


def _derivation(contract: Contract) -> Iterator[Canary]:
    entity = entity_of(contract)
    fine, *wrong = _versions(entity) if entity.is_history else _rows(entity)
    results = [entity_results(entity, found, _ROWS) for _, found in (fine, *wrong)]
    carried = entity_results(entity, Counter({ROWS_CARRIED: 1}), _ROWS)
    for (name, _), found in zip(wrong, results[1:], strict=True):
        yield _said(contract, name, results[0], found)
    yield _said(contract, ROWS_CARRIED, results[0], carried)


def _rows(entity: Entity) -> list[tuple[str, Counter[str]]]:
    def judged(*keys: str) -> Counter[str]:
        rows = pl.LazyFrame(dict.fromkeys(entity.keys, keys))
        return judge_rows(nw.from_native(rows), entity, _collected)

    return [("", judged("a", "b")), (ONE_ROW, judged("a", "a"))]


def _versions(entity: Entity) -> list[tuple[str, Counter[str]]]:
    def judged(*versions: _Version) -> Counter[str]:
        rows = _history(entity, versions)
        log = _log(entity, [(key, begins) for key, begins, _, _ in versions])
        return judge_rows(rows, entity, _collected) + judge_computed(rows, log, entity, _collected)

    newest = ("a", 5, None, True)
    return [
        ("", judged(("a", 0, 5, False), newest)),
        (NO_OVERLAP, judged(("a", 0, 6, False), newest)),
        (NO_GAP, judged(("a", 0, 3, False), newest)),
        (ONE_CURRENT, judged(("a", 0, 5, True), newest)),
    ]


def _history(entity: Entity, versions: Iterable[_Version]) -> nw.LazyFrame:
    names = {VALID_FROM: pl.Int64, VALID_TO: pl.Int64, IS_CURRENT: pl.Boolean}
    rows = pl.LazyFrame(list(versions), schema={"__key": pl.String, **names}, orient="row")
    return nw.from_native(rows.with_columns(pl.col("__key").alias(key) for key in entity.keys))


def _log(entity: Entity, changes: Iterable[tuple[str, int]]) -> nw.LazyFrame:
    rows = pl.LazyFrame(list(changes), schema={"__key": pl.String, entity.sequence_by: pl.Int64}, orient="row")
    technical = (pl.lit(0).alias(RAW_HASH), pl.lit("file#1").alias(ROW_ID), pl.lit(value=False).alias(DELETED))
    return nw.from_native(rows.with_columns(*(pl.col("__key").alias(key) for key in entity.keys), *technical))


def _collected(frame: nw.LazyFrame) -> pl.DataFrame:
    rows: pl.DataFrame = frame.collect("polars").to_native()
    return rows


def _said(contract: Contract, name: str, fine: _Results, wrong: _Results, *, nothing: str = "") -> Canary:
    verdict, reason = (NOTHING, nothing) if nothing else verdict_of(name, fine, wrong)
    known_by = "" if nothing else MEANING
    return Canary(str(contract.table), name, name, verdict, known_by, reason, str(contract.place))


def verdict_of(name: str, fine: _Results, wrong: _Results) -> tuple[str, str]:
    """Return the verdict on a rule and why: what it said of what is fine, and of what is wrong for it."""
    was, told = ({result.rule_id: result for result in results} for results in (fine, wrong))
    if name in was and not was[name].passed:
        return ALARMS, was[name].reason or "it refuses what is fine"
    if name not in told or told[name].outcome is not Outcome.FAIL:
        return SILENT, "its canary passed"
    return SINGS, ""
