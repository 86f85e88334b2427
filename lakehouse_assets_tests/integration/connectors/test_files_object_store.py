"""Files on an object store are read like those in a folder, pinned to the version that was listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.file_formats.object_store import ObjectStore
from lakehouse_assets.connectors.files import Files
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.builders import file_source

pytestmark = pytest.mark.integration

DAY, NEXT = "2026-01-05", "2026-01-06"
HEAD = b"id,name,amount\n"
KEYS = {"region": "us-east-1", "access_key_id": "test", "secret_access_key": "test"}  # pragma: allowlist secret

# The server only looks for a service name in it.
_AS_ANYONE = "AWS4-HMAC-SHA256 Credential=test/20260105/us-east-1/s3/aws4_request"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Yield the URL of an S3 server in this process."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - seconds to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass(frozen=True)
class Bucket:
    """A bucket, written to with plain HTTP: independent of the library under test."""

    address: str
    name: str

    def send(self, method: str, key: str = "", content: bytes = b"") -> None:
        """Send one request and insist on success."""
        server = HTTPConnection(self.address)
        server.request(method, quote(f"/{self.name}/{key}"), content, {"Authorization": _AS_ANYONE})
        assert server.getresponse().status < 300
        server.close()


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Bucket:
    """Return an empty bucket."""
    name = sha256(request.node.name.encode()).hexdigest()[:20]
    empty = Bucket(endpoint.removeprefix("http://"), name)
    empty.send("PUT")
    return empty


def extract(endpoint: str, bucket: Bucket, *partitions: str, **options: Any) -> dict[str, Extraction | Rejection]:  # noqa: ANN401
    connection = {"location": f"s3://{bucket.name}/drop", "endpoint": endpoint, **KEYS}
    source = file_source(connection, "id", "name", "amount", **{"stable_seconds": 60, **options})
    return dict(Files(source, Access(environ={})).extract(source.tables["orders"], partitions))


def put(bucket: Bucket, path: str, content: bytes) -> None:
    bucket.send("PUT", f"drop/{path}", content)


def test_objects_are_found_by_pattern_and_read(endpoint: str, bucket: Bucket) -> None:
    put(bucket, f"dt={DAY}/b 1.csv", HEAD + b"2,b,20\n")
    put(bucket, f"dt={DAY}/a%.csv", HEAD + b"1,a,10\n")
    put(bucket, f"dt={DAY}/c.csv.tmp", HEAD)
    put(bucket, f"dt={NEXT}/a.csv", HEAD + b"3,c")

    answers = extract(endpoint, bucket, DAY, NEXT, "2026-01-07", pattern="dt={partition}/*.csv")

    good = answers[DAY]
    assert isinstance(good, Extraction)
    rows = good.frame.to_native().collect()
    assert rows["_source_object"].to_list() == [f"dt={DAY}/a%.csv", f"dt={DAY}/b 1.csv"]
    assert rows["id"].to_list() == ["1", "2"]
    refusals = [answer.error.code for answer in answers.values() if isinstance(answer, Rejection)]
    assert refusals == ["truncated", "missing"]


def test_a_large_object_is_streamed_and_read_later(endpoint: str, bucket: Bucket) -> None:
    put(bucket, f"{DAY}.csv", HEAD + b"1,a,10\n" * 1_000_000)

    answer = extract(endpoint, bucket, DAY)[DAY]
    bucket.send("DELETE", f"drop/{DAY}.csv")

    assert isinstance(answer, Extraction)
    assert answer.frame.to_native().collect().height == answer.rows == 1_000_000


@pytest.mark.parametrize("content", [b"another", None])
def test_s1_connector_an_object_replaced_or_deleted_after_listing_is_refused(
    content: bytes | None,
    endpoint: str,
    bucket: Bucket,
) -> None:
    put(bucket, f"{DAY}.csv", HEAD)
    store = ObjectStore(f"s3://{bucket.name}/drop", {"endpoint": endpoint, **KEYS})
    entry = store.find(f"{DAY}.csv")
    assert entry is not None
    if content is None:
        bucket.send("DELETE", f"drop/{DAY}.csv")
    else:
        put(bucket, f"{DAY}.csv", content)

    with pytest.raises(SourceError, match="changed_during_read"):
        list(store.read(entry))


def test_a_bucket_that_is_not_there_is_named(endpoint: str, bucket: Bucket) -> None:
    bucket.send("DELETE")

    answer = extract(endpoint, bucket, DAY, pattern="{partition}*.csv")[DAY]

    assert isinstance(answer, Rejection)
    assert answer.error.code in {"missing", "unreadable"}
    assert bucket.name in str(answer.error)


def test_an_unknown_option_refuses_every_partition(endpoint: str) -> None:
    source = file_source({"location": "s3://b", "endpont": endpoint}, "id")

    answer = Files(source, Access(environ={})).extract(source.tables["orders"], [DAY])[DAY]

    assert isinstance(answer, Rejection)
    assert answer.error.code == "unreadable"
