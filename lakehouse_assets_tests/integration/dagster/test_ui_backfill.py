"""A backfill as the UI launches it, with the real code server, webserver and daemon: one bad day among good ones.

Everything is asked through GraphQL, as Dagster's pages do. What counts are runs, partitions and checks; the status of
a backfill is not the truth.
"""

import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets_tests.lakes import retail_environment
from lakehouse_assets_tests.ports import free_port
from lakehouse_assets_tests.repository import ROOT, SCRIPTS, run
from lakehouse_assets_tests.retail_files import DAYS, retail_row, retail_rows, write_day

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

WEEK = (*DAYS, "2010-12-07", "2010-12-08")
AFTER = ("2010-12-09", "2010-12-10")
BAD, DIRTY = "2010-12-05", "2010-12-07"
ROWS = 200
BRONZE, SILVER, GOLD = "bronze/retail/order_lines", "silver/retail_order_lines", "gold/retail_sales_daily"
DAILY = (BRONZE, SILVER, GOLD)
PATIENCE_SECONDS = 240
MATERIALISED, FAILED = "MATERIALIZED", "FAILED"

_LAUNCH = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
# What the button "Materialize" sends for a single partition.
_LAUNCH_RUN = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { id } } ... on PythonError { message }
  }
}"""
_PARTITIONS = """
query($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode {
    assetPartitionStatuses { ... on TimePartitionStatuses { ranges { startKey endKey status } } }
    assetChecksOrError { ... on AssetChecks { checks {
      name partitionStatuses { ... on AssetCheckTimePartitionStatuses { ranges { startKey endKey status } } }
    } } }
  } }
}"""
_EVALUATIONS = """
query($key: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $key, checkName: $check, limit: 100) { evaluation { partition success severity } }
}"""
_RUNS = "{ runsOrError { ... on Runs { results { id status tags { key value } assetSelection { path } } } } }"
_LOCATION = {"repositoryName": "__repository__", "repositoryLocationName": "lakehouse"}
_SENSORS = """
query($repository: RepositorySelector!) {
  sensorsOrError(repositorySelector: $repository) {
    ... on Sensors { results { name sensorState { ticks(limit: 1) { status } } } }
  }
}"""


@dataclass(frozen=True, slots=True)
class Pages:
    """A running instance of Dagster and the lake it works on."""

    port: int
    drop: Path
    environment: Mapping[str, str]

    def ask(self, query: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """Send a query as Dagster's pages do."""
        body = json.dumps({"query": query, "variables": variables})
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def backfill(self, days: Sequence[str]) -> None:
        """Launch a backfill of the daily tables."""
        selection = [{"path": table.split("/")} for table in DAILY]
        said = self.ask(_LAUNCH, params={"assetSelection": selection, "partitionNames": list(days)})
        assert said["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", said

    def materialise(self, day: str, *tables: str) -> str:
        """Launch a run of one partition; return its id."""
        selection = [{"path": table.split("/")} for table in tables]
        selector = _LOCATION | {"jobName": "__ASSET_JOB", "assetSelection": selection}
        tags = {"tags": [{"key": "dagster/partition", "value": day}]}
        said = self.ask(_LAUNCH_RUN, params={"selector": selector, "executionMetadata": tags})["launchRun"]
        assert said["__typename"] == "LaunchRunSuccess", said
        launched: str = said["run"]["id"]
        return launched

    def partitions(self, table: str) -> dict[str, str]:
        """Return the status of every partition that has one."""
        return _by_day(self._node(table)["assetPartitionStatuses"]["ranges"])

    def failed_checks(self, table: str) -> dict[str, set[str]]:
        """Return, by partition, the checks that its page shows as failed."""
        found: dict[str, set[str]] = {}
        for check in self._checks(table):
            for day, status in _by_day(check["partitionStatuses"]["ranges"]).items():
                assert status in {"SUCCEEDED", FAILED}, (day, status)
                found.setdefault(day, set()).update({check["name"]} if status == FAILED else set())
        return found

    def red(self, table: str) -> set[str]:
        """Return the partitions whose newest evaluation of some check is an error, not a warning."""
        found: set[str] = set()
        for check in self._checks(table):
            said = self.ask(_EVALUATIONS, key={"path": table.split("/")}, check=check["name"])
            newest: dict[str, bool] = {}
            for one in (entry["evaluation"] for entry in said["assetCheckExecutions"] if entry["evaluation"]):
                newest.setdefault(one["partition"], not one["success"] and one["severity"] == "ERROR")
            found |= {day for day, is_red in newest.items() if is_red}
        return found

    def runs(self) -> list[dict[str, Any]]:
        """Return every run there is."""
        found: list[dict[str, Any]] = self.ask(_RUNS)["runsOrError"]["results"]
        return found

    def incidents(self) -> set[str]:
        """Return the rules with an open incident, as the command line lists them."""
        done = run(SCRIPTS / "lakehouse", "incidents", "list", "--json", env=self.environment)
        assert done.returncode == 0, done.stderr
        return {incident["rule_id"] for incident in json.loads(done.stdout)}

    def _checks(self, table: str) -> list[dict[str, Any]]:
        checks: list[dict[str, Any]] = self._node(table)["assetChecksOrError"]["checks"]
        return checks

    def _node(self, table: str) -> dict[str, Any]:
        node: dict[str, Any] = self.ask(_PARTITIONS, key={"path": table.split("/")})["assetNodeOrError"]
        return node


def _by_day(ranges: Sequence[Mapping[str, str]]) -> dict[str, str]:
    days = (*WEEK, *AFTER)
    return {day: one["status"] for one in ranges for day in days if one["startKey"] <= day <= one["endKey"]}


@contextmanager
def process(environment: Mapping[str, str], log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; stop it by its own id."""
    with log.open("wb") as output:
        words = [str(SCRIPTS / command[0]), *command[1:]]
        it = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            yield it
        finally:
            it.terminate()
            try:
                it.wait(timeout=30)
            except subprocess.TimeoutExpired:
                it.kill()
                it.wait()


def poll(is_done: Callable[[], bool], what: str, *, every_seconds: float = 1.0) -> None:
    """Wait until something is true, and fail with its name at the deadline."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {PATIENCE_SECONDS} s")
        time.sleep(every_seconds)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """Start Dagster on a lake of its own and wait until its sensors look."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    code, port = free_port(), free_port()
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(f"load_from: [{{grpc_server: {{host: 127.0.0.1, port: {code}, location_name: lakehouse}}}}]\n")
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    # Automation looks back from the last open day; here that is one nobody asks for.
    (config / "environments/local.yaml").write_text(f'sources: {{retail: {{calendar: {{ends: "{AFTER[-1]}"}}}}}}\n')
    folders = {"DAGSTER_HOME": str(home), "LAKEHOUSE_CONFIG_DIR": str(config)}
    environment = retail_environment(tmp_path / "lake", tmp_path / "drop") | folders
    ready = Pages(port, tmp_path / "drop", environment)
    served = ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(code), "-m", "lakehouse_assets.definitions")
    with ExitStack() as stack:
        server = stack.enter_context(process(environment, tmp_path / "code.log", *served))
        poll(lambda: _listens(code) or server.poll() is not None, "the code server listening")
        assert server.poll() is None, (tmp_path / "code.log").read_text()
        webserver = ("dagster-webserver", "-h", "127.0.0.1", "-p", str(port), "-w", str(workspace))
        stack.enter_context(process(environment, tmp_path / "webserver.log", *webserver))
        stack.enter_context(
            process(environment, tmp_path / "daemon.log", "dagster-daemon", "run", "-w", str(workspace))
        )
        poll(lambda: _listens(port), "the webserver listening")
        poll(lambda: _is_watching(ready), "a first look of every sensor")
        yield ready


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_watching(pages: Pages) -> bool:
    sensors = pages.ask(_SENSORS, repository=_LOCATION)["sensorsOrError"].get("results", [])
    return bool(sensors) and all(sensor["sensorState"]["ticks"] for sensor in sensors)


def _deliver(drop: Path) -> None:
    """Write the week: clean days, one with a little dirt, one with too much of it."""
    for day in WEEK:
        write_day(drop, day, retail_rows(day, ROWS) if day == DIRTY else _clean(day))
    spoilt = [retail_row(BAD, number, **({"Quantity": "many"} if number % 3 == 0 else {})) for number in range(ROWS)]
    write_day(drop, BAD, spoilt)


def _clean(day: str) -> list[list[str]]:
    return [retail_row(day, number) for number in range(ROWS)]


def test_a_bad_day_is_kept_back_alone_and_heals_by_itself_once_it_is_corrected(pages: Pages) -> None:
    _deliver(pages.drop)

    pages.backfill(WEEK)

    poll(lambda: pages.partitions(SILVER).get(BAD) == FAILED, "the failure of the bad day")
    poll(lambda: pages.incidents() >= {"quarantine_ratio"}, "an incident about it", every_seconds=4)
    backfill = [one for one in pages.runs() if any(tag["key"] == "dagster/backfill" for tag in one["tags"])]
    assert [one["status"] for one in backfill] == ["FAILURE"]
    assert pages.partitions(BRONZE) == dict.fromkeys(WEEK, MATERIALISED)
    assert pages.partitions(SILVER) == dict.fromkeys(WEEK, MATERIALISED) | {BAD: FAILED}
    assert set(pages.partitions(GOLD)) <= set(WEEK)
    failed = pages.failed_checks(SILVER)
    amber: dict[str, set[str]] = {day: set() for day in WEEK} | {DIRTY: {"Validity"}}
    assert failed == amber | {BAD: {"Completeness", "Validity"}}
    assert pages.red(SILVER) == {BAD}

    write_day(pages.drop, BAD, _clean(BAD))
    corrected = pages.materialise(BAD, BRONZE, SILVER)

    poll(lambda: pages.partitions(GOLD) == dict.fromkeys(WEEK, MATERIALISED), "gold of all days, asked by automation")
    poll(lambda: "quarantine_ratio" not in pages.incidents(), "the end of the incident", every_seconds=4)
    assert {one["id"]: one["status"] for one in pages.runs()}[corrected] == "SUCCESS"
    assert pages.partitions(SILVER) == dict.fromkeys(WEEK, MATERIALISED)
    assert (pages.failed_checks(SILVER), pages.red(SILVER)) == (amber, set())
    assert _asked_by_automation(pages, GOLD)


def _asked_by_automation(pages: Pages, table: str) -> bool:
    wanted = {"path": table.split("/")}
    runs = (one for one in pages.runs() if wanted in (one["assetSelection"] or ()))
    return any(tag["key"] == "dagster/from_automation_condition" for one in runs for tag in one["tags"])
