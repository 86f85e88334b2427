"""A PostgreSQL server, and object stores with a proxy in between."""

from collections.abc import Iterator

import pytest

from lakehouse_assets.storage import proof
from lakehouse_assets_tests import postgres as postgres_server
from lakehouse_assets_tests.places import Place, S3Server, bucket_name
from lakehouse_assets_tests.proxy import Proxy, proxy_before


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Yield the URL of a running server."""
    with postgres_server.running() as url:
        yield url


@pytest.fixture
def _forgotten_proofs() -> Iterator[None]:
    """Let every store prove itself anew, for tests about that proof."""
    proof.proven.clear()
    yield
    proof.proven.clear()


@pytest.fixture
def bucket(moto: S3Server, request: pytest.FixtureRequest) -> Place:
    """Return an empty root in a bucket of its own."""
    return moto.place(bucket_name(request.node.nodeid))


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[Proxy]:
    """Yield a proxy before the S3 server, which does to requests what a test tells it."""
    with proxy_before(moto.endpoint) as before:
        yield before
