"""How often a source is asked: retries as its policy says, and a circuit that all processes share."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.circuit import SharedCircuit
from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.errors import PassingSourceError, SourceError, StateError
from lakehouse_assets.state.circuits import list_circuits, reset_circuit
from lakehouse_assets.state.store import Store, open_store
from lakehouse_assets_tests.doubles.sources import PATIENT, Hands

STRICT = RetryPolicy("strict", (), cap_seconds=0.0, open_after=3, open_seconds=60.0)


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


def failing(times: int, error: SourceError) -> Callable[[], str]:
    """Return an operation that raises so often, then answers."""
    left = [error] * times

    def operation() -> str:
        if left:
            raise left.pop()
        return "answer"

    return operation


def circuit(store: Store, hands: Hands, policy: RetryPolicy = STRICT) -> SharedCircuit:
    return SharedCircuit("shop", policy, lambda: store, "config/sources/shop.yaml:1", hands.clock)


def refuse(access: Access, code: str = "unavailable") -> str:
    with pytest.raises(SourceError) as refused:
        access.attempt("it", failing(1, PassingSourceError(code, "no.")))
    return refused.value.code


def test_a_fault_that_passes_is_asked_again_after_the_waits_of_the_policy() -> None:
    hands = Hands()

    answer = Access(policy=PATIENT, clock=hands.clock).attempt("it", failing(2, PassingSourceError("timeout", "no.")))

    assert (answer, hands.waits) == ("answer", [1.0, 2.0])


def test_the_last_fault_says_what_was_asked_and_how_often() -> None:
    with pytest.raises(PassingSourceError, match=r"^timeout: no \(the orders, asked 4 times\)\.$"):
        Access(policy=PATIENT, clock=Hands().clock).attempt(
            "the orders", failing(9, PassingSourceError("timeout", "no."))
        )


def test_a_fault_that_stays_is_not_asked_again() -> None:
    hands = Hands()

    with pytest.raises(SourceError, match="permission"):
        Access(policy=PATIENT, clock=hands.clock).attempt("it", failing(1, SourceError("permission", "no.")))

    assert hands.waits == []


@pytest.mark.parametrize(("asked", "waited"), [(30.0, 30.0), (1e9, 60.0), (0.0, 1.0)])
def test_a_source_may_ask_for_a_longer_wait_up_to_the_cap(asked: float, waited: float) -> None:
    hands, fault = Hands(), PassingSourceError("throttled", "no.", retry_after_seconds=asked)

    Access(policy=PATIENT, clock=hands.clock).attempt("it", failing(1, fault))

    assert hands.waits == [waited]


def test_waits_are_drawn_below_the_delay_unless_the_policy_says_otherwise() -> None:
    hands, policy = Hands(), RetryPolicy("drawn", (8.0,) * 50, cap_seconds=5.0)

    Access(policy=policy, clock=hands.clock).attempt("it", failing(50, PassingSourceError("timeout", "no.")))

    assert 0 <= min(hands.waits) < max(hands.waits) <= 5.0


def test_a_source_that_fails_again_and_again_is_not_asked_any_more(store: Store) -> None:
    hands = Hands()

    codes = [refuse(Access(circuit=circuit(store, hands))) for _ in range(4)]

    assert codes == ["unavailable", "unavailable", "unavailable", "circuit_open"]


def test_an_open_circuit_says_how_it_is_closed(store: Store) -> None:
    hands = Hands()
    for _ in range(3):
        refuse(Access(circuit=circuit(store, hands)))

    with pytest.raises(SourceError, match=r"3 times in a row.* 'unavailable'.*lakehouse source circuit reset shop"):
        circuit(store, hands).enter()


def test_after_its_time_one_process_tries_and_the_others_wait(store: Store) -> None:
    hands = Hands()
    for _ in range(3):
        refuse(Access(circuit=circuit(store, hands)))
    hands.at += 60
    circuit(store, hands).enter()

    with pytest.raises(SourceError, match="circuit_open"):
        circuit(store, hands).enter()


def test_a_try_that_succeeds_closes_the_circuit_for_all(store: Store) -> None:
    hands = Hands()
    for _ in range(3):
        refuse(Access(circuit=circuit(store, hands)))
    hands.at += 60

    Access(circuit=circuit(store, hands)).attempt("it", lambda: "answer")

    circuit(store, hands).enter()


def test_a_try_that_fails_opens_it_again(store: Store) -> None:
    hands = Hands()
    for _ in range(3):
        refuse(Access(circuit=circuit(store, hands)))
    hands.at += 60

    assert [refuse(Access(circuit=circuit(store, hands))) for _ in range(2)] == ["unavailable", "circuit_open"]


def test_who_tries_and_dies_leaves_the_try_to_another(store: Store) -> None:
    hands = Hands()
    for _ in range(3):
        refuse(Access(circuit=circuit(store, hands)))
    hands.at += 60
    circuit(store, hands).enter()
    hands.at += 60

    circuit(store, hands).enter()


def test_an_answer_between_faults_begins_the_count_anew(store: Store) -> None:
    hands = Hands()
    for _ in range(5):
        refuse(Access(circuit=circuit(store, hands)))
        Access(circuit=circuit(store, hands)).attempt("it", lambda: "answer")

    circuit(store, hands).enter()


def test_an_answer_that_is_a_refusal_counts_as_an_answer(store: Store) -> None:
    hands = Hands()
    for code in ("unavailable", "unavailable", "permission", "unavailable"):
        kind = PassingSourceError if code == "unavailable" else SourceError
        with pytest.raises(SourceError):
            Access(circuit=circuit(store, hands)).attempt("it", failing(1, kind(code, "no.")))

    circuit(store, hands).enter()


def test_a_circuit_is_closed_by_hand(store: Store) -> None:
    hands = Hands()
    for _ in range(3):
        refuse(Access(circuit=circuit(store, hands)))

    with store.transaction() as connection:
        assert reset_circuit(connection, "shop", at=hands_time(hands))

    circuit(store, hands).enter()


def test_no_faults_are_counted_where_the_policy_says_so(store: Store) -> None:
    hands, policy = Hands(), RetryPolicy("never", (), cap_seconds=0.0, open_after=0)
    for _ in range(20):
        refuse(Access(circuit=circuit(store, hands, policy)))

    with store.reading() as connection:
        assert list_circuits(connection) == []


def test_a_source_is_asked_although_the_store_cannot_be_reached(caplog: pytest.LogCaptureFixture) -> None:
    def unreachable() -> Store:
        raise StateError("the state store cannot be used.")

    shared = SharedCircuit("shop", STRICT, unreachable, clock=Hands().clock)

    assert Access(circuit=shared).attempt("it", lambda: "answer") == "answer"
    assert "without its circuit" in caplog.text


def hands_time(hands: Hands) -> datetime:
    return datetime.fromtimestamp(hands.at, UTC)
