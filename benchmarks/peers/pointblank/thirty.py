"""pointblank: one validation step a rule over a collected frame, interrogated without extracts."""

from pathlib import Path

import pointblank
import polars as pl

from benchmarks.peers.thirty import KEYS, RULES, Counts, count, moment

_IDS = (*(rule.id for rule in RULES), *KEYS)


def work(source: Path) -> tuple[Counts, str]:
    """Interrogate every step; nulls pass where they are not asked about."""
    plan = pointblank.Validate(pl.read_parquet(source))
    for rule in RULES:
        plan = _STEPS[rule.rule](plan, rule, rule.arguments)
    for columns in KEYS.values():
        plan = plan.rows_distinct(list(columns))
    steps = plan.interrogate(collect_extracts=False).validation_info
    return {name: step.n_failed or 0 for name, step in zip(_IDS, steps, strict=True)}, pointblank.__version__


_STEPS = {
    "required": lambda plan, rule, _: plan.col_vals_not_null(rule.column),
    "matches": lambda plan, rule, given: plan.col_vals_regex(rule.column, f"^(?:{given['pattern']})$", na_pass=True),
    "length": lambda plan, rule, given: plan.col_vals_regex(
        rule.column, f"^.{{{given['min']},{given['max']}}}$", na_pass=True
    ),
    "between": lambda plan, rule, given: plan.col_vals_between(rule.column, given["min"], given["max"], na_pass=True),
    "in_set": lambda plan, rule, given: plan.col_vals_in_set(rule.column, [*given["values"], None]),
    "not_in_set": lambda plan, rule, given: plan.col_vals_not_in_set(rule.column, given["values"], na_pass=True),
    "not_before": lambda plan, rule, given: plan.col_vals_ge(rule.column, moment(given["value"]), na_pass=True),
    "not_after": lambda plan, rule, given: plan.col_vals_le(rule.column, moment(given["value"]), na_pass=True),
    "compare_columns": lambda plan, rule, given: plan.col_vals_le(
        rule.column, pointblank.col(given["other"]), na_pass=True
    ),
}


if __name__ == "__main__":
    count(work)
