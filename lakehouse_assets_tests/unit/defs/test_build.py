"""How definitions are put together."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.executor import PRELOAD, to_executor
from lakehouse_assets_tests.scripted import Script, lake, shop


@pytest.mark.parametrize("environment", ["local", "demo", "ci"])
def test_a_laptop_runs_steps_in_the_process_of_the_run(environment: str) -> None:
    assert to_executor(environment) is dg.in_process_executor


def test_a_deployment_forks_steps_from_a_server_that_has_imported_everything() -> None:
    assert to_executor("production").name == "multiprocess"


def test_the_fork_server_imports_nothing_that_reads_configuration(tmp_path: Path) -> None:
    code = f"import importlib; [importlib.import_module(name) for name in {PRELOAD!r}]"

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(Path.cwd())}, check=False)

    assert done.returncode == 0


def test_definitions_are_valid_and_can_be_loaded(tmp_path: Path) -> None:
    definitions = assemble(lake(tmp_path, Script(), *shop()))

    dg.Definitions.validate_loadable(definitions)

    assert {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()} == {
        "bronze/shop/orders",
        "silver/orders",
        "gold/sales",
    }


@pytest.mark.parametrize("path", ["dagster.yaml", "docker/dagster.yaml"])
def test_the_instance_retries_crashes_only_sends_no_telemetry_and_locks_tables_by_run(path: str) -> None:
    settings = yaml.safe_load(Path(path).read_text())

    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert settings["telemetry"]["enabled"] is False
    assert settings["concurrency"]["pools"] == {"default_limit": 1, "granularity": "run"}
    assert settings["run_monitoring"]["max_runtime_seconds"] > 0
    assert settings["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
