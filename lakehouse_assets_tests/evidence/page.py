"""What was measured, as a page: scores of both data sets, by column and by rule, and what the contracts do not find."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets_tests.evidence.measure import CONFIG, Measured, Score
from lakehouse_assets_tests.tiers import REPOSITORY

REPORT = REPOSITORY / "docs/quality-evidence.md"
REMARKS = Path(__file__).parent

_PAGE = """\
# Evidence: what the rules find

<!-- Written by `make evidence`; do not edit. -->

Two public data sets of the Raha benchmark (Apache-2.0) exist twice: with mistakes, and with what is right instead.
Contracts read the uncorrected files like any source; this page compares what they flagged with the corrections.

- A cell is **flagged** when its row is in quarantine for a reason that names its column.
- A cell is **wrong** when the corrected file has another text there.
- **Precision** is the share of flagged cells that are wrong, **recall** the share of wrong cells that were flagged,
  **F1** the harmonic mean of both.

The contracts, and the public lists they look values up in, lie in `{config}`.
They were written from the uncorrected files, lists that authorities publish, and common sense.
Nobody looked at the corrected files for them: those were opened for the first time by this measurement, and no rule was
changed after it; the cells on which both disagree were then looked at for the remarks. Each rule says in its
description why a reader of the uncorrected file would demand it.
The files are not part of this repository: they are read where they lie beside it, and where they do not, neither this
page nor its test is run.

| data set | rows | wrong cells | flagged | found | precision | recall | F1 |
|---|--:|--:|--:|--:|--:|--:|--:|
{totals}
{sets}"""
_SET = """
## {name}

{purpose}

{remarks}

| column | wrong | flagged | found | precision | recall | F1 |
|---|--:|--:|--:|--:|--:|--:|
{columns}

Columns in which nothing is wrong and nothing was flagged: {quiet}.

| rule | what it demands | flagged | of these wrong |
|---|---|--:|--:|
{rules}

Rules that found nothing: {idle}.
"""
_DERIVED = {
    "matches": "The pattern of the column.",
    "in_set": "The values of the column.",
    "required": "A value must be there.",
    "parse": "The text must be a value of the column's type.",
}


def page(measured: Mapping[str, Measured]) -> str:
    """Return the Markdown of `docs/quality-evidence.md`."""
    return _PAGE.format(
        config=CONFIG.relative_to(REPOSITORY).as_posix(),
        totals="\n".join(f"| {name} | {one.rows} {_cells(one.total)}" for name, one in measured.items()),
        sets="".join(_section(name, one) for name, one in measured.items()),
    )


def _section(name: str, one: Measured) -> str:
    loud = {column: score for column, score in one.columns.items() if score.wrong or score.flagged}
    declared = {spec.id: spec for spec in one.contract.rules}
    return _SET.format(
        name=name,
        purpose=one.contract.description.strip(),
        remarks=(REMARKS / f"{name}.md").read_text(encoding="utf-8").strip(),
        columns="\n".join(f"| `{column}` {_cells(score)}" for column, score in loud.items()),
        quiet=_listed(column for column in one.columns if column not in loud),
        rules="\n".join(_rule(rule, score, declared.get(rule)) for rule, score in one.rules.items()),
        idle=_listed(spec.id for spec in one.contract.rules if spec.id not in one.rules),
    )


def _cells(score: Score) -> str:
    shares = (score.precision, score.recall, score.f1)
    return f"| {score.wrong} | {score.flagged} | {score.found} | {' | '.join(f'{share:.4f}' for share in shares)} |"


def _rule(rule: str, score: Score, spec: RuleSpec | None) -> str:
    word = spec.rule if spec is not None else rule.rpartition(".")[2]
    meaning = spec.description if spec is not None and spec.description else _DERIVED.get(word, "")
    return f"| `{rule}` | {meaning} | {score.flagged} | {score.found} |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
