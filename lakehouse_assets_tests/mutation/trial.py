"""Trying mutants: each is written into a copy of the repository, and the module's tests must fail there."""

import compileall
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse_assets_tests.mutation.mutants import Mutant

PATIENCE = 4
SLACK_SECONDS = 30.0
HANGS = "nothing: it hangs"


class UnfitTestsError(Exception):
    """Tests fail although nothing was changed, so their failing says nothing of a mutant."""


@dataclass(frozen=True)
class Copy:
    """A copy of the repository, without its history, in which one mutant at a time lives."""

    root: Path
    process: "subprocess.Popen[str]" = field(repr=False)

    def failing(self, tests: Sequence[str], seconds: float) -> str:
        """Run tests in the copy; return the file of the first one that fails, `HANGS`, or nothing."""
        asked, answers = self.process.stdin, self.process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(json.dumps(["--basetemp", str(self.root / "tmp"), *tests]) + "\n")
        asked.flush()
        child, hung = int(answers.readline()), threading.Event()

        def end() -> None:
            hung.set()
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)

        alarm = threading.Timer(seconds, end)
        alarm.start()
        answer = answers.readline().strip()
        alarm.cancel()
        return HANGS if hung.is_set() else answer

    def killer_of(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> str:
        """Return the test file that notices the mutant, or nothing; the module is put back afterwards."""
        path = self.root / mutant.module
        original = path.read_bytes()
        path.write_text(mutant.source, encoding="utf-8")
        # Compiled code is found by size and second of the source: not enough to tell mutants apart.
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()
        try:
            return self.failing(tests, seconds)
        finally:
            path.write_bytes(original)

    def close(self) -> None:
        """End the process that runs the tests, and what it runs."""
        self.process.terminate()
        self.process.wait()


def copies_of(repository: Path, folder: Path, number: int) -> list[Copy]:
    """Copy everything git would keep of the working tree, several times, and start a process in each copy."""
    if not number:
        return []
    first = folder / "0"
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (repository / name).is_file():
            (first / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, first / name)
    compileall.compile_dir(first, quiet=2)
    roots = [first, *(Path(shutil.copytree(first, folder / str(each))) for each in range(1, number))]
    return [Copy(root, _started(root)) for root in roots]


def _started(root: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "lakehouse_assets_tests/mutation/warm.py"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=root, env=environment, stdin=pipe, stdout=pipe, text=True)


def commit_of(repository: Path) -> str:
    """Return the commit that is checked out."""
    command = ["git", "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout.strip()


def patience_for(copy: Copy, tests: Sequence[str]) -> float:
    """Return how many seconds a mutant's tests may take; raise UnfitTestsError when they fail without one."""
    began = time.monotonic()
    failed = copy.failing(tests, 3600)
    if failed:
        raise UnfitTestsError(f"these tests fail without a mutant: {failed}")
    return (time.monotonic() - began) * PATIENCE + SLACK_SECONDS
