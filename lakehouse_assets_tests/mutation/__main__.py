"""`make mutate [ARGS="--seed N --sample N MODULE…"]`: tries generated mutants and writes `docs/mutants.md`.

What was found is remembered (see `memory`), so that a campaign that was interrupted goes on where it ended.
Exits with 1 when fewer than nine of ten mutants of a group are noticed, or when a survivor has no reason.
"""

import argparse
import os
import queue
import random
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from lakehouse_assets_tests.mutation.memory import Memory, memory_of, remembered_mutants
from lakehouse_assets_tests.mutation.mutants import Mutant
from lakehouse_assets_tests.mutation.report import Verdict, is_good, page, read_reasons
from lakehouse_assets_tests.mutation.targets import TARGETS, Target
from lakehouse_assets_tests.mutation.trial import Copy, UnfitTestsError, commit_of, copies_of, patience_for

REPOSITORY = Path(__file__).parents[2]
REPORT, MEMORY = REPOSITORY / "docs/mutants.md", REPOSITORY / ".lake/mutants"


def main(arguments: list[str]) -> int:
    """Try the mutants and write the report."""
    asked = _asked(arguments)
    targets = [target for target in TARGETS if not asked.modules or target.module in asked.modules]
    commit = commit_of(REPOSITORY)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; the next campaign goes on from here"))
    with _copies(asked.jobs if asked.sample != 0 else 0) as copies:
        verdicts = [_tried(target, copies, commit, asked) for target in targets]
    reasons = read_reasons()
    if not asked.modules:
        REPORT.write_text(page(verdicts, reasons, seed=asked.seed), encoding="utf-8")
    return 0 if is_good(verdicts, reasons) else 1


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    told = "how many mutants of each module are tried that nothing is known about yet (all); 0 writes what is known"
    parser.add_argument("--sample", type=int, help=told)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many are tried at once")
    parser.add_argument("modules", nargs="*")
    return parser.parse_args(arguments)


@contextmanager
def _copies(number: int) -> Iterator[list[Copy]]:
    with tempfile.TemporaryDirectory(prefix="lakehouse-mutants-") as folder:
        copies = copies_of(REPOSITORY, Path(folder), number)
        try:
            yield copies
        finally:
            for copy in copies:
                copy.close()


def _tried(target: Target, copies: Sequence[Copy], commit: str, asked: argparse.Namespace) -> Verdict:
    # The working tree may change meanwhile; the copies do not.
    tree = copies[0].root if copies else REPOSITORY
    source = (tree / target.module).read_text(encoding="utf-8")
    mutants = remembered_mutants(MEMORY / "generated", target.module, source, asked.seed)
    memory = memory_of(MEMORY, tree, target, commit)
    unknown = [mutant for mutant in mutants if memory.killer_of(mutant) is None]
    if asked.sample is not None:
        unknown = random.Random(asked.seed).sample(unknown, min(asked.sample, len(unknown)))  # noqa: S311 - repeatable
    try:
        _try_all(unknown, copies, memory)
    except UnfitTestsError as error:
        # The other modules can still be tried; what was known of this one stays known.
        sys.stdout.write(f"{target.module}: {error}\n")
    known = [mutant for mutant in mutants if memory.killer_of(mutant) is not None]
    survivors = tuple(mutant for mutant in known if not memory.killer_of(mutant))
    verdict = Verdict(target, len(mutants), len(known), survivors, frozenset(memory.commits_of(known)))
    sys.stdout.write(f"{target.module}: {verdict.killed} of {verdict.tried} noticed")
    sys.stdout.write(f" ({verdict.generated} generated)\n")
    for mutant in verdict.survivors:
        sys.stdout.write(f"  line {mutant.line}: {mutant.name}\n")
    sys.stdout.flush()
    return verdict


def _try_all(mutants: Sequence[Mutant], copies: Sequence[Copy], memory: Memory) -> None:
    if not mutants:
        return
    patience = patience_for(copies[0], memory.tests)
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def try_one(mutant: Mutant) -> tuple[Mutant, str]:
        copy = free.get()
        try:
            return mutant, copy.killer_of(mutant, memory.tests, patience)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(max_workers=len(copies)) as pool:
        try:
            for tried in as_completed([pool.submit(try_one, mutant) for mutant in mutants]):
                memory.keep(*tried.result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
