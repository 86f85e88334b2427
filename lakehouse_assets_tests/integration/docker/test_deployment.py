"""The deployment without Docker: every process of compose.yaml is started with the command written there.

PostgreSQL and nginx are real; only addresses and folders differ from the containers'.
"""

import base64
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from lakehouse_assets_tests.ports import free_port
from lakehouse_assets_tests.repository import ROOT, SCRIPTS, run

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.postgres, pytest.mark.nginx]

DOCKER = ROOT / "docker"
PATIENCE_SECONDS = 120
LOGIN = "Basic " + base64.b64encode(b"someone:lakehouse").decode()
MUTATION = 'mutation{stopSensor(id:"none"){__typename}}'


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP server said."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """The ports of the running processes, and what may be asked of them."""

    home: Path
    ports: Mapping[str, int]
    environment: Mapping[str, str]

    def ask(self, service: str, method: str, path: str, *, body: str | None = None, **headers: str) -> Answer:
        """Send one request; a header's `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=60)) as connection:
            connection.request(method, path, body=body, headers=named)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())

    def query(self, query: str, **headers: str) -> Answer:
        """Send a query through the proxy as Dagster's pages do."""
        body = json.dumps({"query": query})
        return self.ask("proxy", "POST", "/graphql", body=body, Content_Type="application/json", **headers)


def compose() -> dict[str, Any]:
    """Return the services of compose.yaml."""
    services: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    return services


def poll(is_done: Callable[[], bool], what: str) -> None:
    """Wait until something is true, and fail with its name at the deadline."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {PATIENCE_SECONDS} s")
        time.sleep(0.1)


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; stop it by its own id."""
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output) as it,
    ):
        try:
            yield it
        finally:
            it.terminate()
            it.wait(timeout=60)


def localised(command: list[str], deployment: Deployment) -> list[str]:
    """Return a container's command for this machine: other ports, the loopback interface, another folder."""
    replaced = {
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - what is replaced, not what is bound
        "4000": str(deployment.ports["code"]),
        "3000": str(deployment.ports["webserver"]),
        "/opt/dagster/workspace.yaml": str(deployment.home / "workspace.yaml"),
    }
    words = [replaced.get(word, word) for word in command if word != "CMD"]
    return [
        str(SCRIPTS / words[0]),
        *[re.sub(r":3000/", f":{deployment.ports['webserver']}/", word) for word in words[1:]],
    ]


@pytest.fixture(scope="module")
def deployment(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    ready = _prepare(folder, postgres)
    services = compose()
    with ExitStack() as stack:
        for name in ("code", "webserver", "daemon"):
            command = localised(services[name]["command"], ready)
            stack.enter_context(process(command, ready.environment, folder / f"{name}.log"))
            if name in ready.ports:
                poll(lambda port=ready.ports[name]: listens(port), f"{name} listening")  # type: ignore[misc]
        nginx = [str(shutil.which("nginx")), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        stack.enter_context(process(nginx, os.environ, folder / "nginx.log"))
        poll(lambda: listens(ready.ports["proxy"]), "proxy listening")
        yield ready


def _prepare(folder: Path, postgres: str) -> Deployment:
    home, artifacts = folder / "home", folder / "artifacts"
    home.mkdir()
    artifacts.mkdir()
    ports = {name: free_port() for name in ("code", "webserver", "proxy")}
    engine = sa.create_engine(postgres.format(database="postgres").replace(":", "+psycopg2:", 1))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text((DOCKER / "databases.sql").read_text()))
    engine.dispose()
    shutil.copy(DOCKER / "dagster.yaml", home)
    workspace = (DOCKER / "workspace.yaml").read_text().replace("host: code", "host: 127.0.0.1")
    (home / "workspace.yaml").write_text(workspace.replace("4000", str(ports["code"])))
    _write_proxy(folder, ports)
    environment = os.environ | {
        "DAGSTER_HOME": str(home),
        "DAGSTER_ARTIFACTS": str(artifacts),
        "DAGSTER_POSTGRES_URL": postgres.format(database="dagster"),
        "LAKEHOUSE_ENV": "demo",
        "LAKEHOUSE_ROOT": str(folder / "lake"),
    }
    return Deployment(home, ports, environment)


def _write_proxy(folder: Path, ports: Mapping[str, int]) -> None:
    hashed = run("openssl", "passwd", "-6", "-salt", "lakehouse", "lakehouse").stdout.strip()
    (folder / "htpasswd").write_text(f"someone:{hashed}\n")
    (folder / "htpasswd").chmod(0o644)
    configuration = (DOCKER / "nginx.conf").read_text()
    for written, here in {
        "listen 8080": f"listen 127.0.0.1:{ports['proxy']}",
        "webserver:3000": f"127.0.0.1:{ports['webserver']}",
        "/run/secrets/htpasswd": str(folder / "htpasswd"),
        "/scratch/": f"{folder}/",
        # Workers of a server started by root give up their rights, and then cannot enter pytest's folder.
        "worker_processes 1;": "worker_processes 1;" + (" user root;" if os.geteuid() == 0 else ""),
    }.items():
        assert written in configuration
        configuration = configuration.replace(written, here)
    (folder / "nginx.conf").write_text(configuration)


@pytest.mark.parametrize("service", ["code", "webserver"])
def test_a_process_passes_the_health_check_of_its_container(deployment: Deployment, service: str) -> None:
    command = localised(compose()[service]["healthcheck"]["test"], deployment)
    checked = run(*command, env=deployment.environment)
    assert checked.returncode == 0, checked.stderr


def test_nobody_enters_without_a_login(deployment: Deployment) -> None:
    assert deployment.ask("proxy", "GET", "/").status == 401
    assert deployment.query("{version}").status == 401
    assert deployment.ask("proxy", "GET", "/", Authorization="Basic c29tZW9uZTp3cm9uZw==").status == 401


def test_a_login_opens_the_pages(deployment: Deployment) -> None:
    answer = deployment.ask("proxy", "GET", "/", Authorization=LOGIN)
    assert answer.status == 200
    assert "<html" in answer.body
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "nginx/" not in answer.headers["Server"]


def test_the_code_location_is_loaded(deployment: Deployment) -> None:
    answer = deployment.query(
        "{repositoriesOrError{... on RepositoryConnection{nodes{location{name}}}}}", Authorization=LOGIN
    )
    assert answer.status == 200
    nodes = json.loads(answer.body)["data"]["repositoriesOrError"]["nodes"]
    assert [node["location"]["name"] for node in nodes] == ["lakehouse_assets"]


def test_the_daemon_is_alive(deployment: Deployment) -> None:
    query = "{instance{daemonHealth{allDaemonStatuses{daemonType healthy required}}}}"

    def is_healthy() -> bool:
        answer = deployment.query(query, Authorization=LOGIN)
        statuses = json.loads(answer.body)["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(status["healthy"] for status in statuses if status["required"])

    poll(is_healthy, "a heartbeat of every daemon")


def test_without_the_proxy_a_get_changes_things(deployment: Deployment) -> None:
    path = "/graphql?query=" + MUTATION.replace('"', "%22")
    answer = deployment.ask("webserver", "GET", path)
    assert "stopSensor" in json.loads(answer.body)["data"]


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "//graphql", "/GraphQL", "/%67raphql"])
def test_a_get_changes_nothing(deployment: Deployment, path: str) -> None:
    answer = deployment.ask("proxy", "GET", f"{path}?query={MUTATION.replace(chr(34), '%22')}", Authorization=LOGIN)
    assert "stopSensor" not in answer.body


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", "application/graphql"],
)
def test_a_form_that_another_site_can_send_changes_nothing(deployment: Deployment, content_type: str) -> None:
    path = f"/graphql?query={MUTATION.replace(chr(34), '%22')}"
    body = json.dumps({"query": MUTATION})
    answer = deployment.ask("proxy", "POST", path, body=body, Content_Type=content_type, Authorization=LOGIN)
    assert answer.status == 405


def test_another_site_is_refused_even_with_a_login(deployment: Deployment) -> None:
    foreign = deployment.query("{version}", Authorization=LOGIN, Origin="https://evil.example")
    own = deployment.query("{version}", Authorization=LOGIN, Origin=f"http://127.0.0.1:{deployment.ports['proxy']}")
    assert (foreign.status, own.status) == (403, 200)


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), (None, 101)])
def test_a_websocket_opens_for_the_own_pages_only(deployment: Deployment, origin: str | None, status: int) -> None:
    headers = {
        "Authorization": LOGIN,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": base64.b64encode(bytes(16)).decode(),
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Protocol": "graphql-ws",
        "Origin": origin or f"http://127.0.0.1:{deployment.ports['proxy']}",
    }
    with socket.create_connection(("127.0.0.1", deployment.ports["proxy"]), timeout=60) as connection:
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        host = f"Host: 127.0.0.1:{deployment.ports['proxy']}"
        connection.sendall("\r\n".join(["GET /graphql HTTP/1.1", host, *lines, "", ""]).encode())
        assert connection.recv(4096).decode().split()[1] == str(status)


def test_no_process_writes_into_the_read_only_image(deployment: Deployment) -> None:
    shipped = {"dagster.yaml", "workspace.yaml"}
    writable = {Path(mount).name for mount in compose()["code"]["tmpfs"] if Path(mount).parent == Path("/opt/dagster")}
    assert {entry.name for entry in deployment.home.iterdir()} <= shipped | writable
