"""A run killed at any moment leaves no torn table, and running again gives what an undisturbed run gives."""

import random
from pathlib import Path

import pytest

from lakehouse_assets_tests.soak.kills import kill_once, undisturbed

SEEDS = (1, 2, 3, 4, random.SystemRandom().randrange(10_000))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    folder = tmp_path_factory.mktemp("kills")
    _, seconds = undisturbed(folder)
    return folder, seconds


# Workers must collect equal names, so the fresh seed stands in the message only.
@pytest.mark.parametrize("seed", SEEDS, ids=["seed-1", "seed-2", "seed-3", "seed-4", "fresh-seed"])
def test_a_killed_run_converges_to_the_undisturbed_content(campaign: tuple[Path, float], seed: int) -> None:
    folder, seconds = campaign

    kill = kill_once(folder, seed, seconds)

    assert (kill.torn, kill.differs) == ((), ()), f"seed {seed}, killed after {kill.seconds:.3f} s"
