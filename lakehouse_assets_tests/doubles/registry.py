"""A schema registry in this process that speaks Confluent's REST protocol and really checks what it is given.

Avro is judged by Apache's own resolution rules, Protobuf by its rule that a number never changes its type. Schemas of
Protobuf are descriptors in base64, which the client sends and asks for (`format=serialized`).
"""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import AvroException
from avro.schema import parse
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError

INVALID, NOT_FOUND_SCHEMA, NOT_FOUND_SUBJECT = 42201, 40403, 40401


@dataclass
class RegistryDouble:
    """What was registered: schemas by id, ids by subject and version. `url` is where it answers."""

    url: str = ""
    schemas: list[dict[str, Any]] = field(default_factory=list)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    level: str = "BACKWARD"
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Return the status and the answer to a request."""
        match (method, *map(unquote, path.strip("/").split("/"))):
            case ("GET", "schemas", "ids", number) if 0 < int(number) <= len(self.schemas):
                return 200, self.schemas[int(number) - 1]
            case ("GET", "schemas", "ids", _):
                return 404, _error(NOT_FOUND_SCHEMA, "Schema not found")
            case ("POST", "subjects", subject, "versions"):
                return self._register(subject, body)
            case ("GET", "subjects", subject, "versions", version) if subject in self.subjects:
                return 200, self._version(subject, version)
            case ("POST", "compatibility", "subjects", subject, "versions", _):
                return 200, {"is_compatible": self._is_compatible(subject, body)}
            case _:
                return 404, _error(NOT_FOUND_SUBJECT, "Subject not found")

    def _register(self, subject: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        if not _is_valid(body):
            return 422, _error(INVALID, "Invalid schema")
        if not self._is_compatible(subject, body):
            return 409, _error(409, f"Schema being registered is incompatible with an earlier schema for {subject!r}")
        if dict(body) not in self.schemas:
            self.schemas.append(dict(body))
        number = self.schemas.index(dict(body)) + 1
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return 200, {"id": number}

    def _version(self, subject: str, version: str) -> dict[str, Any]:
        versions = self.subjects[subject]
        at = len(versions) if version == "latest" else int(version)
        number = versions[at - 1]
        return {"subject": subject, "version": at, "id": number, **self.schemas[number - 1]}

    def _is_compatible(self, subject: str, body: Mapping[str, Any]) -> bool:
        earlier = self.subjects.get(subject)
        if not earlier or self.level == "NONE":
            return True
        before = self.schemas[earlier[-1] - 1]
        if before.get("schemaType", "AVRO") != body.get("schemaType", "AVRO"):
            return False
        judge = _same_numbers if body.get("schemaType") == "PROTOBUF" else _can_read
        return judge(str(body["schema"]), str(before["schema"]))


def _can_read(new: str, old: str) -> bool:
    checker: Any = ReaderWriterCompatibilityChecker
    result = checker().get_compatibility(parse(new), parse(old))
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


def _same_numbers(new: str, old: str) -> bool:
    found, before = _fields(new), _fields(old)
    return all(found.get(place, kind) == kind for place, kind in before.items())


def _fields(text: str) -> dict[tuple[str, int], tuple[int, int]]:
    file = FileDescriptorProto.FromString(base64.b64decode(text))
    return {(m.name, one.number): (one.type, one.label) for m in file.message_type for one in m.field}


def _is_valid(body: Mapping[str, Any]) -> bool:
    try:
        if body.get("schemaType") == "PROTOBUF":
            return bool(FileDescriptorProto.FromString(base64.b64decode(str(body["schema"]))).message_type)
        parse(str(body["schema"]))
    except (AvroException, DecodeError, ValueError):
        return False
    return True


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error_code": code, "message": message}


@contextmanager
def registry_double() -> Iterator[RegistryDouble]:
    """Yield a registry that answers on a port of its own."""
    double = RegistryDouble()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the server's own name
            self._do({})

        def do_POST(self) -> None:  # same
            self._do(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _do(self, body: Mapping[str, Any]) -> None:
            double.asked.append(f"{self.command} {self.path}")
            status, found = double.answer(self.command, urlsplit(self.path).path, body)
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
