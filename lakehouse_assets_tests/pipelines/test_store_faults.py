"""Object stores that are busy, slow, deny, or take a request and never say so: a rerun ends with the same content.

A proxy before the S3 server does it to chosen requests; what is served at the end is compared with what the input says.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.content import served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.storage import proof
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
)
from lakehouse_assets_tests.places import Place, S3Server, bucket_name, options_of
from lakehouse_assets_tests.proxy import Fault, Proxy, Request, always, nothing, proxy_before
from lakehouse_assets_tests.racing import let_go, start

pytestmark = pytest.mark.integration

DAYS = (DAY, NEXT)
TABLES = "bronze/shop/orders,silver/orders"
GOOD, BAD = [order(1), order(2), order(3)], order(4, amount="many")
RERUNS = 4


@pytest.fixture
def upstream(moto: S3Server) -> S3Server:
    return moto


@pytest.fixture
def proxy(upstream: S3Server) -> Iterator[Proxy]:
    proof.proven.clear()
    with proxy_before(upstream.endpoint) as before:
        yield before
    proof.proven.clear()


@pytest.fixture
def shop(tmp_path: Path, upstream: S3Server, proxy: Proxy, request: pytest.FixtureRequest) -> Lake:
    """Return a shop with two days of input, whose lake is reached through the proxy."""
    bucket = upstream.place(bucket_name(request.node.nodeid))
    lake = shop_lake(tmp_path, environ=Place(bucket.root, options_of(proxy.endpoint)).environ)
    for day in DAYS:
        deliver(lake, day, [*GOOD, BAD])
    return lake


def served(lake: Lake) -> tuple[list[str], list[str]]:
    """Return the ids of all rows that readers see, and of all that are quarantined now."""
    refused = served_quarantine(lake, ORDERS)
    quarantined = [] if refused is None else sorted(lake.engine.collect(refused)["_row_id"])
    return sorted(rows_of(lake, ORDERS)["_row_id"]), quarantined


EVERYTHING = (
    [f"{day}.csv#{number:09}" for day in DAYS for number in (1, 2, 3)],
    [f"{day}.csv#000000004" for day in DAYS],
)


def until_it_is_through(lake: Lake) -> list[str]:
    """Run everything again and again, as a person or a retry would; return the sentences of the runs that failed."""
    said = list[str]()
    for _ in range(RERUNS):
        try:
            refresh(lake, *DAYS)
        except LakehouseError as error:
            said.append(str(error))
        else:
            return said
    pytest.fail(f"{RERUNS} runs did not get through: {said}")


def every(step: int, fault: Fault, *, of: Callable[[Request], bool] = lambda _: True) -> Callable[[Request], Fault]:
    """Let it happen to each `step`-th of some requests."""
    seen = 0

    def happens(request: Request) -> Fault:
        nonlocal seen
        seen += of(request)
        return fault if of(request) and seen % step == 0 else Fault.NONE

    return happens


@pytest.mark.parametrize(
    "fault",
    [
        every(3, Fault.BUSY),
        every(1, Fault.LOST, of=lambda request: request.is_commit),
        every(2, Fault.LOST, of=lambda request: request.is_commit),
        every(4, Fault.LOST, of=lambda request: request.method == "PUT"),
        every(2, Fault.SLOW, of=lambda request: request.is_commit),
    ],
    ids=[
        "a third busy",
        "no commit is acknowledged",
        "half of the commits are acknowledged",
        "a quarter of the writes is not acknowledged",
        "slow commits",
    ],
)
def test_whatever_a_store_does_the_content_is_the_same_at_last(
    shop: Lake, proxy: Proxy, fault: Callable[[Request], Fault]
) -> None:
    proxy.fault = fault

    said = until_it_is_through(shop)

    disturbed = proxy.happened.total() - proxy.happened[Fault.NONE]
    proxy.fault = nothing
    assert disturbed > 0
    assert all("s3://" in sentence for sentence in said), said
    assert served(shop) == EVERYTHING
    assert set(statuses(refresh(shop, *DAYS)).values()) == {"unchanged"}


DEATHS = (17, 40, random.SystemRandom().randrange(60))


@pytest.mark.parametrize("death", DEATHS, ids=["amid", "late", "fresh"])
def test_a_store_that_refuses_from_some_request_on_leaves_nothing_half_done(
    shop: Lake, proxy: Proxy, death: int
) -> None:
    refresh(shop, DAY)
    before = proxy.requests.total()
    proxy.fault = lambda request: Fault.DENIED if request.total > before + death else Fault.NONE

    # A run may be over before that request; one that is not says where it stopped.
    with contextlib.suppress(LakehouseError):
        refresh(shop, *DAYS)

    proxy.fault = nothing
    assert rows_of(shop, ORDERS).height in {3, 6}, f"death at {death}"
    refresh(shop, *DAYS)
    assert served(shop) == EVERYTHING, f"death at {death}"


def test_a_store_that_is_down_is_one_sentence_and_readers_keep_what_they_had(shop: Lake, proxy: Proxy) -> None:
    refresh(shop, DAY)
    proxy.fault = always(Fault.BUSY)

    with pytest.raises(LakehouseError, match=r"^s3://.*503.*run again"):
        run(shop, RAW, NEXT)

    proxy.fault = nothing
    assert rows_of(shop, ORDERS).height == 3


def test_a_lake_behind_a_proxy_that_drops_conditions_is_not_written_to(shop: Lake, proxy: Proxy) -> None:
    proxy.fault = always(Fault.STRIPPED)

    with pytest.raises(LakehouseError, match="could be lost without an error"):
        refresh(shop, DAY)

    assert Place(shop.root, shop.options).listing() == []


@pytest.fixture
def killed_at(shop: Lake, proxy: Proxy) -> Callable[[int], None]:
    """Return a function that runs everything in a process of its own and kills it at some request."""

    def kill(number: int) -> None:
        racer = start(shop, 1, TABLES, *DAYS)
        before = proxy.requests.total()

        def happens(request: Request) -> Fault:
            if request.total == before + number:
                racer.kill()
                return Fault.LOST
            return Fault.NONE

        proxy.fault = happens
        let_go(racer)
        racer.communicate()
        proxy.fault = nothing

    return kill


@pytest.mark.parametrize("fresh", [False, True], ids=["seed 1", "fresh seed"])
def test_a_process_that_is_killed_at_some_request_is_made_good_by_the_next(
    shop: Lake, killed_at: Callable[[int], None], *, fresh: bool
) -> None:
    seed = random.SystemRandom().randrange(10_000) if fresh else 1
    moments = random.Random(seed).sample(range(1, 120), 2)  # noqa: S311 - a test must be repeatable

    for number in moments:
        killed_at(number)
    refresh(shop, *DAYS)

    assert served(shop) == EVERYTHING, f"seed {seed}: {moments}"


@pytest.mark.versitygw
class TestOnVersitygw:
    """The server that keeps objects in files, for the two faults that matter most."""

    @pytest.fixture
    def upstream(self, versitygw: S3Server) -> S3Server:
        return versitygw

    def test_no_commit_is_acknowledged_and_the_content_is_the_same(self, shop: Lake, proxy: Proxy) -> None:
        proxy.fault = every(1, Fault.LOST, of=lambda request: request.is_commit)

        until_it_is_through(shop)

        proxy.fault = nothing
        assert served(shop) == EVERYTHING

    def test_a_killed_process_is_made_good_by_the_next(self, shop: Lake, killed_at: Callable[[int], None]) -> None:
        killed_at(60)
        refresh(shop, *DAYS)

        assert served(shop) == EVERYTHING
