"""A process that has the libraries loaded and lets each run of tests begin from there. Only `trial` starts it.

Nothing of this project is loaded here, so that every run reads its modules, and the mutant, from the disk.
Each line read names tests; each line written says which test failed first (empty: none did).
"""

import importlib
import json
import os
import signal
import sys
from contextlib import suppress

import pytest
from hypothesis import Phase, settings

# What nearly every test loads; threads of theirs start with the first use, so after the fork.
LIBRARIES = (
    "polars",
    "narwhals",
    "deltalake",
    "obstore",
    "pydantic",
    "pandera.polars",
    "dagster",
    "sqlalchemy",
    "alembic.command",
    "open_data_contract_standard.model",
    "jsonschema_rs",
    "structlog",
    "rich.table",
    "typer",
    "hypothesis.strategies",
    "moto.server",
)
# Rewriting assertions only makes messages, and would ask for libraries that are not loaded yet.
PYTEST = ("-x", "-q", "--assert=plain", "--no-cov", "-p", "no:cacheprovider", "-p", "no:xdist")
PROFILE = "mutants"


class FirstFailure:
    """Remembers the file of the first test that failed, or that could not be collected."""

    def __init__(self) -> None:
        self.file = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at a step of a test."""
        if report.failed:
            self.file = self.file or report.nodeid.split("::")[0]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look at a file that was collected."""
        if report.failed:
            self.file = self.file or report.nodeid.split("::")[0]


def main() -> None:
    """Answer until nobody asks any more."""
    for name in LIBRARIES:
        importlib.import_module(name)
    # The same examples in every trial, and none looked for that is smaller than the one that failed.
    settings.register_profile(PROFILE, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _run(json.loads(line), writing)
        signal.signal(signal.SIGTERM, lambda *_, group=child: _end(group))
        os.close(writing)
        answers.write(f"{child}\n")
        answers.flush()
        with os.fdopen(reading, encoding="utf-8") as told:
            file = told.read()
        _, status = os.waitpid(child, 0)
        answers.write(f"{file or ('' if status == 0 else 'a crash')}\n")
        answers.flush()


def _end(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    sys.exit()


def _run(arguments: list[str], writing: int) -> None:
    os.setsid()
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    first = FirstFailure()
    code = 1
    try:
        code = pytest.main([*PYTEST, f"--hypothesis-profile={PROFILE}", *arguments], plugins=[first])
    finally:
        os.write(writing, first.file.encode())
        # What a killed run leaves open must not be tidied up for minutes.
        os._exit(code)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its modules are asked for by their full names only
    main()
