"""A server that speaks the REST protocol of EMR Serverless and runs its jobs as processes of this machine.

What it cannot show: sizes of workers, starting times, permissions. Entry points come out of S3, as there.
"""

import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore

from lakehouse_assets.engines.stores import open_store

_JOBS = re.compile(r"/applications/(?P<application>\w+)/jobruns(?:/(?P<job>\w+))?(?P<rest>/dashboard)?")
_PARAMETER = re.compile(r"--conf (\S+?)=(\S+)")
_DRIVER = "spark.emr-serverless.driverEnv."
_PATIENCE_SECONDS = 30


@dataclass
class Job:
    """One job: its request, its process, and whether somebody cancelled it."""

    request: Mapping[str, Any]
    process: subprocess.Popen[bytes]
    is_cancelled: bool = False

    @property
    def state(self) -> str:
        """Return the state as the service names it."""
        if self.is_cancelled:
            return "CANCELLING" if self.process.poll() is None else "CANCELLED"
        code = self.process.poll()
        return "RUNNING" if code is None else "SUCCESS" if code == 0 else "FAILED"


@dataclass
class Service:
    """The jobs that were started, by id, and what a job's process gets besides its own variables."""

    folder: Path
    options: Mapping[str, str]
    environ: Mapping[str, str]
    jobs: dict[str, Job] = field(default_factory=dict)
    endpoint: str = ""

    def start(self, request: Mapping[str, Any]) -> str:
        """Start the job of a request and return its id."""
        submit = request["jobDriver"]["sparkSubmit"]
        name = f"job{len(self.jobs)}"
        script = self.folder / f"{name}.py"
        script.write_bytes(_object(submit["entryPoint"], self.options))
        properties = dict(_PARAMETER.findall(submit.get("sparkSubmitParameters", "")))
        for block in request["configurationOverrides"]["applicationConfiguration"]:
            properties |= block["properties"]
        driver = {key.removeprefix(_DRIVER): text for key, text in properties.items() if key.startswith(_DRIVER)}
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, script, *submit["entryPointArguments"]]
            process = subprocess.Popen(command, env={**self.environ, **driver}, stdout=log, stderr=log)
        self.jobs[name] = Job(request, process)
        return name

    def log_of(self, name: str) -> str:
        """Return what a job printed."""
        return (self.folder / f"{name}.log").read_text()


@contextmanager
def emr_serverless(folder: Path, options: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Service]:
    """Serve until the block ends; jobs that still run are ended then. `options` open the bucket of entry points."""
    service = Service(folder, options, {"PATH": os.environ["PATH"], **environ})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    service.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for job in service.jobs.values():
            job.process.terminate()
            job.process.wait(_PATIENCE_SECONDS)


def _object(address: str, options: Mapping[str, str]) -> bytes:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bytes(obstore.get(open_store(f"s3://{bucket}", options), key).bytes())


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = service.start(request)
            self._answer({"applicationId": self._named("application"), "jobRunId": name, "arn": f"arn:{name}"})

        def do_GET(self) -> None:
            name = self._named("job")
            if not name:
                self._answer(
                    {"jobRuns": [_described(self._named("application"), *job) for job in service.jobs.items()]}
                )
                return
            if self._named("rest"):
                self._answer({"url": f"{service.endpoint}/{name}"})
                return
            job = service.jobs[name]
            self._answer({"jobRun": _described(self._named("application"), name, job)})

        def do_DELETE(self) -> None:
            job = service.jobs[self._named("job")]
            job.is_cancelled = True
            job.process.terminate()
            self._answer({"applicationId": self._named("application"), "jobRunId": self._named("job")})

        def _named(self, part: str) -> str:
            match = _JOBS.fullmatch(urllib.parse.urlsplit(self.path).path)
            return (match[part] if match else "") or ""

        def _answer(self, body: Mapping[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    return Handler


def _described(application: str, name: str, job: Job) -> dict[str, Any]:
    return {
        "applicationId": application,
        "jobRunId": name,
        "id": name,
        "name": job.request["name"],
        "arn": f"arn:{name}",
        "createdBy": "somebody",
        "createdAt": 0,
        "updatedAt": 0,
        "executionRole": job.request["executionRoleArn"],
        "state": job.state,
        "stateDetails": "",
        "releaseLabel": "emr-spark-8.0.0",
        "jobDriver": job.request["jobDriver"],
    }
