"""A lease has one holder at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse_assets.state.leases import acquire_lease, release_lease
from lakehouse_assets.state.store import Store

pytestmark = pytest.mark.integration

START = datetime(2011, 1, 1, tzinfo=UTC)


def _acquire(store: Store, holder: str, *, seconds: float) -> int | None:
    with store.transaction() as connection:
        return acquire_lease(connection, "derive", holder, at=START + timedelta(seconds=seconds), seconds=60)


def test_a_held_lease_is_refused_to_others_until_its_time_is_over(store: Store) -> None:
    answers = [_acquire(store, "a", seconds=0), _acquire(store, "b", seconds=59), _acquire(store, "b", seconds=60)]

    assert answers == [1, None, 2]


def test_its_holder_extends_a_lease_without_a_new_fence(store: Store) -> None:
    answers = [_acquire(store, "a", seconds=0), _acquire(store, "a", seconds=50), _acquire(store, "b", seconds=100)]

    assert answers == [1, 1, None]


def test_a_released_lease_is_free_at_once(store: Store) -> None:
    _acquire(store, "a", seconds=0)
    with store.transaction() as connection:
        release_lease(connection, "derive", "a", at=START + timedelta(seconds=1))

    assert _acquire(store, "b", seconds=1) == 2


def test_a_holder_that_lost_its_lease_cannot_release_it(store: Store) -> None:
    _acquire(store, "a", seconds=0)
    _acquire(store, "b", seconds=60)
    with store.transaction() as connection:
        release_lease(connection, "derive", "a", at=START + timedelta(seconds=61))

    assert _acquire(store, "c", seconds=61) is None
