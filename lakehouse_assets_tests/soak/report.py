"""What came of a campaign, as a page: how often each fault struck each load mode, where, and what was not mended."""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lakehouse_assets_tests.soak.campaign import Trial
from lakehouse_assets_tests.soak.triggers import PHASES, STRIKES

REPOSITORY = Path(__file__).parents[2]
REPORT = REPOSITORY / "docs/reliability.md"

_PAGE = """\
# Reliability: what was measured

Written by `make soak`; do not edit.

| | |
|---|---|
| commit | {commit} |
| run on | {day}, {system}, {cores} cores, Python {python} |
| seeds | {seed} and following |

## Faults at every step, in every load mode
A process works on a small lake, and a fault strikes it in the middle of one step, drawn from the seed: among all calls
and returns of a phase of this project's code, so also right before and right after a commit.

- **kill**: SIGKILL. **terminate**: SIGTERM. **disk full**: no file grows any more from there on.
- **log cleanup**: every table gets a checkpoint and loses the log before it, and the run goes on.

Every table must still be readable with exactly the rows its log promises. Then the same work runs again, undisturbed:
each table and each quarantine must have the content hash of a run that nothing ever struck, and the state store must
have absorbed every record.

**{good} of {all} struck runs were mended by the next run.** {finished} of them had finished before the fault could
strike.

### By load mode and fault
{faults}

### By load mode and phase
{phases}

### Not mended
{bad}
"""


def page(trials: Sequence[Trial], *, seed: int) -> str:
    """Return the report."""
    return _PAGE.format(
        commit=_commit(),
        day=datetime.now(UTC).date().isoformat(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        python=platform.python_version(),
        seed=seed,
        good=sum(not trial.problems for trial in trials),
        all=len(trials),
        finished=sum(trial.where == "the run had finished" for trial in trials),
        faults=_table(trials, "fault", STRIKES),
        phases=_table(trials, "phase", PHASES),
        bad="\n".join(_bad(trials)) or "None.",
    )


def _table(trials: Sequence[Trial], column: str, names: Iterable[str]) -> str:
    heads = [name for name in names if any(getattr(trial, column) == name for trial in trials)]
    lines = [f"| load mode | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
    for mode in dict.fromkeys(trial.mode for trial in trials):
        of = [[t for t in trials if t.mode == mode and getattr(t, column) == head] for head in heads]
        lines.append(f"| {mode} | {' | '.join(f'{sum(not t.problems for t in some)}/{len(some)}' for some in of)} |")
    return "\n".join(lines)


def _bad(trials: Sequence[Trial]) -> list[str]:
    return [
        f"- {trial.mode}, {trial.fault}, seed {trial.seed}, in {trial.where}: {'; '.join(trial.problems)}"
        for trial in trials
        if trial.problems
    ]


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip() or "none"
