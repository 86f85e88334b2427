"""From computed rows to a draft: judge, deduplicate, split into valid and refused, stage both, count everything.

One pass writes and counts; only row numbers of repeats are looked for beforehand, on hashes.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.faults import engine_errors
from lakehouse_assets.engines.protocol import Branch, DataFile, Totals
from lakehouse_assets.errors import TransformError
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.built_in import is_late
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.hashes import HASH, hashed_partitions, with_content_hash, with_quarantine_hash
from lakehouse_assets.pipeline.refused.exempt import is_unwaived
from lakehouse_assets.pipeline.renamed import fill_former
from lakehouse_assets.pipeline.repeats import fates_of, with_fate
from lakehouse_assets.pipeline.step import Step, quarantine_columns
from lakehouse_assets.quality.duplicates import FATE, OLDER, REPEATED_KEY
from lakehouse_assets.quality.judge import RowRule, flag, flag_of, isolate, to_results
from lakehouse_assets.quality.quarantine import quarantine_rows
from lakehouse_assets.results import LATE_ROWS, Ledger, OnFailure, StagedFile
from lakehouse_assets.storage.staged import in_memory

Take = Callable[[nw.LazyFrame], nw.LazyFrame]
# Refused by the rules that are judged first; held back by any; published.
REFUSED, HELD, VALID = "__refused", "__held", "__valid"


@dataclass(frozen=True, slots=True)
class Rules:
    """Bound row rules in the order of their flags: those judged first, then those judged after deduplication."""

    first: tuple[RowRule, ...]
    later: tuple[RowRule, ...] = ()

    @property
    def all(self) -> tuple[RowRule, ...]:
        """Every rule, in flag order."""
        return (*self.first, *self.later)


@dataclass(frozen=True, slots=True)
class Split:
    """Staged rows of a chunk, what was counted a partition, and the rules as they really ran."""

    draft: Draft
    counts: Mapping[str, Counter[str]]
    rules: Rules

    def tally(self, partition: str, *, read: int, identical: int = 0) -> Tally:
        """Return the tally of a partition; `read` rows came in, `identical` of them repeat another."""
        counted = self.counts[partition]
        rows, older = counted["rows"], counted["older"]
        ledger = Ledger(
            read=read,
            published=counted["valid"],
            quarantined=counted["refused"],
            deduplicated=identical + older,
            filtered=read - identical - rows,
        )
        return Tally(
            partition,
            ledger,
            to_results(self.rules.all, counted, rows),
            kit.content_hash(ledger.published, counted["valid_low"], counted["valid_high"]),
            kit.content_hash(ledger.quarantined, counted["refused_low"], counted["refused_high"]),
            counted["waived"],
            measures={name: counted[name] for name in (LATE_ROWS,) if name in counted},
        )


def split(
    step: Step, passes: Sequence[nw.LazyFrame], whole: nw.LazyFrame, *, rules: Rules, raw: Mapping[str, str]
) -> Split:
    """Stage valid and refused rows of every pass and count them; tallies are made from it.

    `passes` together are `whole`; `raw` maps the names a quarantined row is kept under to columns of the frames.
    A rule that raises on the data is found and becomes an `error`, which blocks; raises TransformError when it is
    the computation itself that fails.
    """
    passes = [fill_former(rows, step.contract, step.columns) for rows in passes]
    whole = fill_former(whole, step.contract, step.columns)
    try:
        return _split(step, passes, whole, rules, raw)
    except engine_errors():
        sound = _sound(step, whole, rules)
    try:
        return _split(step, passes, whole, sound, raw)
    except engine_errors() as error:
        # No rule is to blame. Without the cause: engines quote values.
        raise TransformError(
            f"the rows could not be computed ({type(error).__name__}).",
            where=str(step.name),
            fix="Try the transform on a few rows of this partition; nothing was published.",
        ) from None


def _split(
    step: Step, passes: Sequence[nw.LazyFrame], whole: nw.LazyFrame, rules: Rules, raw: Mapping[str, str]
) -> Split:
    fates = fates_of(step, _judged(step, whole, rules, None), REFUSED)
    valid: list[StagedFile] = []
    refused: list[StagedFile] = []
    # A partition without rows was judged too: every rule holds for none of them.
    none = {flag_of(number): 0 for number in range(len(rules.all))}
    none |= {} if is_late(step.contract) is None else {LATE_ROWS: 0}
    counts = {partition: Counter(none) for partition in step.partitions}
    for number, rows in enumerate(passes):
        judged = with_content_hash(_judged(step, rows, rules, fates), step.columns, step.contract.partition_column)
        takes = (_valid(step), _refused(step, rules, raw))
        targets = (step.target(pass_number=number), step.target(quarantine_of(step.name), pass_number=number))
        branches = [
            Branch(take(judged), target, take=take, counted_as=name)
            for take, target, name in zip(takes, targets, ("valid", "refused"), strict=True)
        ]
        staged, totals = step.lake.engine.stage(branches, _totals(step, judged, rules))
        valid += staged[0]
        refused += staged[1]
        _add_up(counts, totals, step.contract.partition_column)
    if refused:
        _add_up(counts, _refused_totals(step, refused), step.contract.partition_column)
    specs = tuple(rule.spec for rule in rules.all)
    return Split(Draft((), tuple(valid), tuple(refused), step.columns, specs), counts, rules)


def _sound(step: Step, whole: nw.LazyFrame, rules: Rules) -> Rules:
    rows = with_fate(step, whole, None)
    first, later = (isolate(rows, part, step.lake.engine.collect) for part in (rules.first, rules.later))
    return Rules(first, later)


def key_rule(spec: RuleSpec) -> RowRule:
    """Return the rule that refuses every member of a repeated key."""
    return RowRule(spec, nw.col(FATE) == REPEATED_KEY)


def _judged(step: Step, rows: nw.LazyFrame, rules: Rules, fates: pl.DataFrame | None) -> nw.LazyFrame:
    rows = with_fate(step, rows, fates)
    refused, later = nw.col(REFUSED), nw.col(HELD)
    kept = ~refused & (nw.col(FATE) != OLDER)
    flagged = flag(rows, rules.all).with_columns(
        _any_refuses(rules.first).alias(REFUSED), _any_refuses(rules.later, len(rules.first)).alias(HELD)
    )
    return flagged.with_columns((kept & ~later).alias(VALID), (refused | (kept & later)).alias(HELD))


def _any_refuses(rules: Sequence[RowRule], start: int = 0) -> nw.Expr:
    quarantining = (n for n, rule in enumerate(rules, start) if rule.spec.on_failure is OnFailure.QUARANTINE)
    flags = [nw.col(flag_of(number)) for number in quarantining]
    return nw.any_horizontal(*flags, ignore_nulls=True) if flags else nw.lit(False)  # noqa: FBT003 - a literal


def _valid(step: Step) -> Take:
    return lambda judged: judged.filter(nw.col(VALID)).select(*step.columns)


def _refused(step: Step, rules: Rules, raw: Mapping[str, str]) -> Take:
    def take(judged: nw.LazyFrame) -> nw.LazyFrame:
        return quarantine_rows(judged.filter(nw.col(HELD)), rules.all, raw, step.contract)

    return take


def _totals(step: Step, judged: nw.LazyFrame, rules: Rules) -> Totals:
    flags = tuple(flag_of(number) for number in range(len(rules.all)))
    unwaived = is_unwaived(step, rules.all)
    waived = [] if unwaived is None else [(nw.col(HELD) & ~unwaived).cast(nw.Int8).sum().alias("waived")]
    late = is_late(step.contract)
    totals = (
        nw.len().cast(nw.Int64).alias("rows"),
        nw.col(VALID).cast(nw.Int8).sum().alias("valid"),
        nw.col(HELD).cast(nw.Int8).sum().alias("refused"),
        (~nw.col(REFUSED) & (nw.col(FATE) == OLDER)).cast(nw.Int8).sum().alias("older"),
        *waived,
        *([] if late is None else [(nw.col(VALID) & late).cast(nw.Int8).sum().alias(LATE_ROWS)]),
        *kit.content_totals(HASH, where=VALID, prefix="valid"),
    )
    # Grouping by a constant costs a tenth of the pass; rows of another partition are found in the staged files.
    only = step.partitions[0] if len(step.partitions) == 1 else None
    return Totals(judged, totals, step.contract.partition_column, only, flags)


def _refused_totals(step: Step, refused: Sequence[StagedFile]) -> pl.DataFrame:
    # Hashed from what was staged: few rows as a rule, where the pass itself would hash every row for nothing.
    target = step.target(quarantine_of(step.name))
    stored = {k: v for k, v in quarantine_columns(step.contract).items() if k != target.partition_column}
    files = [DataFile(file.path, file.rows, file.partition) for file in refused]
    rows = step.lake.engine.scan(target.root, files, target.partition_column, in_memory(stored))
    totals = hashed_partitions(with_quarantine_hash(rows), target.partition_column)
    names = {"content_low": "refused_low", "content_high": "refused_high"}
    return step.lake.engine.collect(totals.drop("rows").rename(names))


def _add_up(counts: dict[str, Counter[str]], totals: pl.DataFrame, partition_column: str) -> None:
    for row in totals.iter_rows(named=True):
        sums = counts.setdefault(str(row.pop(partition_column)), Counter())
        sums.update({name: int(number or 0) for name, number in row.items()})
