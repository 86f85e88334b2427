"""A topic for each test of Kafka; the broker is everybody's."""

import uuid

import pytest

from lakehouse_assets_tests.kafka import Broker


@pytest.fixture
def topic(broker: Broker) -> str:
    """Return an empty topic of two partitions."""
    name = f"events-{uuid.uuid4().hex[:8]}"
    broker.create(name, partitions=2)
    return name
