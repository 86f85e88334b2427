"""Readers and brokers that are killed: nothing lost, nothing doubled, nothing that was aborted."""

import os
import random
from pathlib import Path

import pytest

from lakehouse_assets_tests.kafka import Broker
from lakehouse_assets_tests.soak.streams import Strikes, strike

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.slow]

SEED = int(os.environ.get("LAKEHOUSE_SEED", "0")) or random.SystemRandom().randrange(10_000)


@pytest.mark.timeout(600)
def test_killed_readers_and_a_killed_broker_lose_and_double_nothing(tmp_path: Path, broker: Broker) -> None:
    outcome = strike(tmp_path, broker, Strikes(SEED, kills=5, broker_kills=1))

    assert outcome.is_good, f"seed {SEED}: {outcome}"
