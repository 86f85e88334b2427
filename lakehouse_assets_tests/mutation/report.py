"""What came of the mutants, as a page: counts a module, and every survivor with the reason it may live."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from lakehouse_assets_tests.mutation.mutants import Mutant
from lakehouse_assets_tests.mutation.targets import GROUPS, Target

ENOUGH = 0.9
REASONS = Path(__file__).with_name("survivors.yaml")

Reasons = Mapping[str, Mapping[str, str]]

_PAGE = """\
# Mutants: do the tests notice a change?

Written by `make mutate`; do not edit. Each mutant is one small generated change of a module on the path of every row.
It is noticed when a test of the module fails or hangs. Of several variants at one place (`+` as `-`, `*`, …)
one is drawn.

| | |
|---|---|
| run on | {day}, {system}, {cores} cores, Python {python} |
| seed | {seed} |

| group | module | mutants | tried | noticed | share of tried | at commit |
|---|---|--:|--:|--:|--:|---|
{table}

## Survivors
{survivors}
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many mutants of a module there are, how many were tried, and which nobody noticed."""

    target: Target
    generated: int
    tried: int
    survivors: tuple[Mutant, ...]
    commits: frozenset[str]

    @property
    def killed(self) -> int:
        """Mutants that a test noticed."""
        return self.tried - len(self.survivors)


def read_reasons() -> Reasons:
    """Return why survivors may live: module -> `before -> after` -> reason."""
    return yaml.safe_load(REASONS.read_text(encoding="utf-8")) or {}


def is_good(verdicts: Sequence[Verdict], reasons: Reasons) -> bool:
    """Whether nine of ten tried mutants of a group are noticed, survivors have reasons, and no module is untried."""
    unexplained = [m for verdict in verdicts for m in verdict.survivors if not _reason(m, reasons)]
    shares = [_share([verdict for verdict in verdicts if verdict.target.group == group]) for group in GROUPS]
    untried = [verdict for verdict in verdicts if not verdict.tried]
    return not unexplained and not untried and all(share >= ENOUGH for share in shares)


def page(verdicts: Sequence[Verdict], reasons: Reasons, *, seed: int) -> str:
    """Return the report."""
    return _PAGE.format(
        day=datetime.now(UTC).date().isoformat(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        python=platform.python_version(),
        seed=seed,
        table="\n".join(_rows(verdicts)),
        survivors="\n".join(_survivors(verdicts, reasons)) or "None.",
    )


def _rows(verdicts: Sequence[Verdict]) -> list[str]:
    rows = []
    for group in GROUPS:
        of = [verdict for verdict in verdicts if verdict.target.group == group]
        rows += [f"| {group} | `{v.target.module}` | {_counts([v])} | {', '.join(sorted(v.commits))} |" for v in of]
        rows.append(f"| **{group}** | | {_counts(of)} | |")
    return rows


def _counts(verdicts: Sequence[Verdict]) -> str:
    generated, tried, killed = (sum(getattr(one, of) for one in verdicts) for of in ("generated", "tried", "killed"))
    return f"{generated} | {tried} | {killed} | {f'{_share(verdicts):.0%}' if tried else 'not tried'}"


def _survivors(verdicts: Sequence[Verdict], reasons: Reasons) -> list[str]:
    return [
        f"- `{m.module}:{m.line}` `{m.before}` → `{m.after}`: {_reason(m, reasons) or '**no reason given**'}"
        for verdict in verdicts
        for m in verdict.survivors
    ]


def _reason(mutant: Mutant, reasons: Reasons) -> str:
    return reasons.get(mutant.module, {}).get(mutant.name, "")


def _share(verdicts: Sequence[Verdict]) -> float:
    tried = sum(verdict.tried for verdict in verdicts)
    return sum(verdict.killed for verdict in verdicts) / tried if tried else 1.0
