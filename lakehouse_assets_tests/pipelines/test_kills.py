"""A run that a fault strikes at any step leaves no torn table, and the next run gives what an undisturbed one gives."""

import json
import random
import subprocess
import sys

import pytest

from lakehouse_assets_tests.repository import ROOT
from lakehouse_assets_tests.soak.modes import MODES

KILLS, OTHERS = 5, 1


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", [mode.name for mode in MODES])
def test_a_struck_run_is_mended_by_the_next(mode: str) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    options = ["--alone", "--seed", seed, "--kills", KILLS, "--others", OTHERS, mode]
    command = [sys.executable, "-m", "lakehouse_assets_tests.soak", *map(str, options)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    sys.stdout.write(f"seed {seed}\n{done.stdout}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len(found) == KILLS + 3 * OTHERS
    assert [trial for trial in found if trial["problems"]] == []
