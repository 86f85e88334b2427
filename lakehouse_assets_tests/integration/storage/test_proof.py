"""A store is written to only after it has proven that one of two writers wins; the proof is remembered, not trusted."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError

from lakehouse_assets.engines.stores import open_store
from lakehouse_assets.errors import UnsafeStoreError
from lakehouse_assets.naming import PROOF_FILE
from lakehouse_assets.storage import proof
from lakehouse_assets.storage.commit import Change, commit
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.proof import ask, require_atomic
from lakehouse_assets.storage.table import create_table, open_table
from lakehouse_assets_tests.places import Place, options_of
from lakehouse_assets_tests.proxy import Fault, Proxy, Request, always

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("_forgotten_proofs")]


def through(proxy: Proxy, place: Place) -> Place:
    return Place(place.root, {**place.options, "aws_endpoint_url": proxy.endpoint})


def test_every_place_of_these_tests_may_be_written_to_and_keeps_nothing_but_the_proof(place: Place) -> None:
    require_atomic(place.root, place.options)

    assert place.listing() == ([PROOF_FILE] if "://" in place.root else [])


def test_a_store_whose_conditions_are_dropped_is_refused_and_nothing_stays(bucket: Place, proxy: Proxy) -> None:
    proxy.fault = always(Fault.STRIPPED)
    place = through(proxy, bucket)

    with pytest.raises(UnsafeStoreError, match="`If-None-Match` has no effect"):
        require_atomic(place.root, place.options)

    assert bucket.listing() == []


def test_no_table_is_created_in_such_a_store(bucket: Place, proxy: Proxy) -> None:
    proxy.fault = always(Fault.STRIPPED)
    place = through(proxy, bucket)

    with pytest.raises(UnsafeStoreError):
        create_table(
            f"{place.root}/t", place.options, {"a": "long", "p": "string"}, partition_column="p", description=""
        )

    assert bucket.listing() == []


def test_no_commit_is_made_to_a_table_whose_store_lost_its_proof(bucket: Place, proxy: Proxy) -> None:
    place = through(proxy, bucket)
    columns = {"a": "long", "p": "string"}
    table = create_table(f"{place.root}/t", place.options, columns, partition_column="p", description="")
    proxy.fault = always(Fault.STRIPPED)
    ask(table.root, table.options)

    with pytest.raises(UnsafeStoreError):
        commit(table, Change((), ("x",), columns, {}))

    newest = open_table(table.root, bucket.options)
    assert newest is not None
    assert newest.version == table.version


def test_a_second_process_asks_the_file_and_not_the_store(bucket: Place, proxy: Proxy) -> None:
    place = through(proxy, bucket)
    require_atomic(place.root, place.options)
    proof.proven.clear()
    proxy.requests.clear()

    require_atomic(place.root, place.options)

    assert proxy.requests == {"GET": 1}


def test_one_process_asks_nothing_twice(bucket: Place, proxy: Proxy) -> None:
    place = through(proxy, bucket)
    require_atomic(place.root, place.options)
    proxy.requests.clear()

    require_atomic(f"{place.root}/silver/orders", place.options)

    assert proxy.requests == {}


@pytest.mark.parametrize(
    "said",
    [
        {"store": "http://elsewhere/lake/", "provenAt": "2999-01-01T00:00:00+00:00"},
        {"provenAt": "2026-01-05T12:00:00+00:00"},
        {"store": "", "provenAt": "yesterday"},
        [],
    ],
    ids=["of another store", "of no store", "without a date", "not a mapping"],
)
def test_a_proof_that_is_not_about_this_store_proves_nothing(bucket: Place, proxy: Proxy, said: object) -> None:
    place = through(proxy, bucket)
    Objects(place.root, place.options).write(PROOF_FILE, json.dumps(said).encode())
    proxy.fault = always(Fault.STRIPPED)

    with pytest.raises(UnsafeStoreError):
        require_atomic(place.root, place.options)


@pytest.mark.parametrize("proven_at", ["2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"])
def test_a_proof_that_is_old_or_from_the_future_is_renewed(bucket: Place, proven_at: str) -> None:
    require_atomic(bucket.root, bucket.options)
    objects = Objects(bucket.root, bucket.options)
    said = json.loads(objects.read(PROOF_FILE) or b"")
    objects.write(PROOF_FILE, json.dumps(said | {"provenAt": proven_at}).encode())
    proof.proven.clear()

    require_atomic(bucket.root, bucket.options)

    assert json.loads(objects.read(PROOF_FILE) or b"")["provenAt"] != proven_at


def test_a_store_that_fails_when_it_is_asked_again_loses_its_proof(bucket: Place, proxy: Proxy) -> None:
    place = through(proxy, bucket)
    require_atomic(place.root, place.options)
    proxy.fault = always(Fault.STRIPPED)

    found = ask(place.root, place.options)

    assert not found.is_atomic
    assert bucket.listing() == []
    with pytest.raises(UnsafeStoreError):
        require_atomic(place.root, place.options)


def test_a_store_that_is_busy_for_a_moment_is_asked_again(bucket: Place, proxy: Proxy) -> None:
    def busy_at_first(request: Request) -> Fault:
        return Fault.BUSY if request.method == "PUT" and request.number == 1 else Fault.NONE

    proxy.fault = busy_at_first
    place = through(proxy, bucket)

    require_atomic(place.root, place.options)

    assert proxy.happened[Fault.BUSY] == 1


@pytest.mark.parametrize("root", ["gs://bucket/lake", "memory:///lake"])
def test_a_store_that_cannot_be_asked_is_refused(root: str) -> None:
    with pytest.raises(UnsafeStoreError, match="cannot be written to"):
        require_atomic(root, {})


@pytest.fixture
def naive() -> Iterator[Place]:
    """Yield a store that looks whether an object exists before it reads the body: in turn, it refuses as it should."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _LooksFirst)
    server.objects = {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Place("s3://lake/x", options_of(f"http://127.0.0.1:{server.server_address[1]}"))
    server.shutdown()
    thread.join()
    server.server_close()


class _LooksFirst(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _key(self) -> str:
        return self.path.partition("?")[0]

    def _say(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(content)

    def do_PUT(self) -> None:
        objects = self.server.objects  # type: ignore[attr-defined]
        exists = self.headers.get("If-None-Match") == "*" and self._key() in objects
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if exists:
            self._say(412)
            return
        objects[self._key()] = body
        self._say(200)

    def do_GET(self) -> None:
        found = self.server.objects.get(self._key())  # type: ignore[attr-defined]
        self._say(404 if found is None else 200, found or b"")

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall("<Key>(.*?)</Key>", asked)
        for key in keys:
            self.server.objects.pop(f"/lake/{key}", None)  # type: ignore[attr-defined]
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._say(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())


def test_a_store_that_only_behaves_when_asked_in_turn_is_refused(naive: Place) -> None:
    store = open_store(naive.root, naive.options)
    obstore.put(store, "first", b"1", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "first", b"2", mode="create")

    with pytest.raises(UnsafeStoreError, match="two writers at once"):
        require_atomic(naive.root, naive.options)
