"""`make mutate [ARGS="--seed N --sample N MODULE…"]`: tries generated mutants and writes `docs/mutants.md`.

Exits with 1 when fewer than nine of ten mutants of a group are noticed, or when a survivor has no reason.
"""

import argparse
import os
import queue
import random
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lakehouse_assets_tests.mutation.mutants import Mutant, mutants_of
from lakehouse_assets_tests.mutation.report import Verdict, is_good, page, read_reasons
from lakehouse_assets_tests.mutation.targets import TARGETS, Target
from lakehouse_assets_tests.mutation.trial import Copy, copy_of, patience_for

REPOSITORY = Path(__file__).parents[2]
REPORT = REPOSITORY / "docs/mutants.md"


def main(arguments: list[str]) -> int:
    """Try the mutants and write the report."""
    asked = _asked(arguments)
    targets = [target for target in TARGETS if not asked.modules or target.module in asked.modules]
    with tempfile.TemporaryDirectory(prefix="lakehouse-mutants-") as name:
        copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for number in range(os.cpu_count() or 1):
            copies.put(copy_of(REPOSITORY, Path(name) / str(number)))
        verdicts = [_tried(target, copies, asked.seed, asked.sample) for target in targets]
    reasons = read_reasons()
    if not asked.modules:
        REPORT.write_text(page(verdicts, reasons, seed=asked.seed, sample=asked.sample), encoding="utf-8")
    return 0 if is_good(verdicts, reasons) else 1


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=0, help="mutants a module at most; 0 is all")
    parser.add_argument("modules", nargs="*")
    return parser.parse_args(arguments)


def _tried(target: Target, copies: "queue.SimpleQueue[Copy]", seed: int, sample: int) -> Verdict:
    source = (REPOSITORY / target.module).read_text(encoding="utf-8")
    mutants = mutants_of(target.module, source, seed)
    if sample and len(mutants) > sample:
        mutants = random.Random(seed).sample(mutants, sample)  # noqa: S311 - a campaign must be repeatable
    first = copies.get()
    patience = patience_for(first, target.tests)
    copies.put(first)

    def survived(mutant: Mutant) -> bool:
        copy = copies.get()
        try:
            return copy.survives(mutant, target.tests, patience)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        outcomes = list(pool.map(survived, mutants))
    verdict = Verdict(target, len(mutants), tuple(m for m, alive in zip(mutants, outcomes, strict=True) if alive))
    sys.stdout.write(f"{target.module}: {verdict.killed} of {verdict.tried} noticed\n")
    for mutant in verdict.survivors:
        sys.stdout.write(f"  line {mutant.line}: {mutant.name}\n")
    sys.stdout.flush()
    return verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
