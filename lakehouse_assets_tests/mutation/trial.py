"""Trying mutants: each is written into a copy of the repository, and the module's tests must fail there."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse_assets_tests.mutation.mutants import Mutant

PATIENCE = 4
SLACK_SECONDS = 30.0


@dataclass(frozen=True)
class Copy:
    """A copy of the repository, without its history, in which one mutant at a time lives."""

    root: Path

    def run(self, tests: Sequence[str], seconds: float | None = None) -> bool:
        """Whether these tests pass in the copy; tests that hang count as failed."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-cov"]
        environment = os.environ | {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        scratch = ["--basetemp", str(self.root / "tmp")]
        try:
            done = subprocess.run(
                [*command, *scratch, *tests],
                cwd=self.root,
                env=environment,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def survives(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> bool:
        """Whether no test notices the mutant; the module is put back afterwards."""
        path = self.root / mutant.module
        original = path.read_bytes()
        path.write_text(mutant.source, encoding="utf-8")
        try:
            return self.run(tests, seconds)
        finally:
            path.write_bytes(original)


def copy_of(repository: Path, folder: Path) -> Copy:
    """Copy everything git would keep of the working tree."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, folder / name)
    return Copy(folder)


def patience_for(copy: Copy, tests: Sequence[str]) -> float:
    """Return how many seconds a mutant's tests may take; raise RuntimeError when they fail without a mutant."""
    began = time.monotonic()
    if not copy.run(tests):
        raise RuntimeError(f"these tests fail without a mutant: {' '.join(tests)}")
    return (time.monotonic() - began) * PATIENCE + SLACK_SECONDS
