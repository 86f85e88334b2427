"""`make soak [SEED]`: 25 kills at random moments; writes `docs/reliability.md` with commit, seeds and machine."""

import os
import platform
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from lakehouse_assets_tests.soak.kills import ROWS, Kill, kill_once, undisturbed

KILLS = 25
REPOSITORY = Path(__file__).parents[2]
REPORT = REPOSITORY / "docs/reliability.md"

_PAGE = """\
# Reliability: what was measured

Written by `make soak`; do not edit.

| | |
|---|---|
| commit | {commit} |
| run on | {day}, {system}, {cores} cores, Python {python} |
| first seed | {seed} |

## Kills at random moments
A process runs the whole retail chain (bronze → silver → three gold tables, {rows:,} rows a day, five days)
and is ended by SIGKILL after a random time. Every table must still be readable with exactly the rows its log promises.
Then the chain runs again, undisturbed, and every table and the quarantine must have the content hash of a run that
was never killed.

**{good} of {kills} kills: no torn table, equal content.** {finished} of them came after the run had finished.

| seed | killed after | torn tables | tables that differ |
|--:|--:|---|---|
{table}
"""


def main(arguments: list[str]) -> int:
    """Run the campaign and write the report; exit 1 when a kill was not survived."""
    first = int(arguments[0]) if arguments else random.SystemRandom().randrange(1_000_000)
    with tempfile.TemporaryDirectory(prefix="lakehouse-soak-") as name:
        folder = Path(name)
        _, seconds = undisturbed(folder)
        kills = [_told(kill_once(folder, seed, seconds)) for seed in range(first, first + KILLS)]
    good = sum(not kill.torn and not kill.differs for kill in kills)
    REPORT.write_text(_page(first, kills, good), encoding="utf-8")
    return 0 if good == len(kills) else 1


def _told(kill: Kill) -> Kill:
    verdict = "equal" if not kill.torn and not kill.differs else f"torn {kill.torn}, differs {kill.differs}"
    sys.stdout.write(f"seed {kill.seed}: killed after {kill.seconds:.2f} s, {verdict}\n")
    sys.stdout.flush()
    return kill


def _page(first: int, kills: list[Kill], good: int) -> str:
    lines = (f"| {kill.seed} | {kill.seconds:.2f} s | {_named(kill.torn)} | {_named(kill.differs)} |" for kill in kills)
    return _PAGE.format(
        commit=_commit(),
        day=datetime.now(UTC).date().isoformat(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        python=platform.python_version(),
        seed=first,
        rows=ROWS,
        good=good,
        kills=len(kills),
        finished=sum(kill.had_finished for kill in kills),
        table="\n".join(lines),
    )


def _named(tables: tuple[str, ...]) -> str:
    return ", ".join(tables) or "none"


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip() or "none"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
