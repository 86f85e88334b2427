"""Partitions computed by a job elsewhere: told while it runs, believed, cancelled, and right to run again.

The service is a server that speaks EMR Serverless's protocol and runs jobs here; messages go through a real S3 server,
the job computes on a real Spark.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import obstore
import pytest
import yaml

from lakehouse_assets.defs.build import build_definitions
from lakehouse_assets.defs.remote import job_of
from lakehouse_assets.engines.stores import open_store
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import Worker, load_settings
from lakehouse_assets_tests.builders import bare_contract
from lakehouse_assets_tests.emr import Service, emr_serverless
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, RAW, deliver, order, rows_of, run, shop_lake
from lakehouse_assets_tests.places import S3Server, bucket_name
from lakehouse_assets_tests.repository import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(600)]

JOB = ROOT / "docker" / "emr" / "job.py"
PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Cloud:
    """The service, a lake whose silver is computed by its jobs, and the variables of a process that works on it."""

    service: Service
    lake: Lake
    environ: dict[str, str]
    bucket: str

    def starts(self, script: bytes) -> None:
        """Let jobs start this script from now on."""
        obstore.put(open_store(f"s3://{self.bucket}", self.service.options), "job.py", script)

    def materialise(self, instance: dg.DagsterInstance, *days: str) -> dg.ExecuteInProcessResult:
        """Materialise days of silver in one run of this process."""
        definitions = build_definitions(self.lake.settings)
        span = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
        key = dg.AssetKey(["silver", "orders"])
        return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[key], tags=span, raise_on_error=False
        )


@pytest.fixture
def cloud(
    tmp_path: Path,
    moto: S3Server,
    spark_connect_url: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cloud]:
    bucket = bucket_name(request.node.nodeid)
    options = moto.place(bucket).options
    lake = with_worker(shop_lake(tmp_path), bucket)
    aws = {
        "AWS_ACCESS_KEY_ID": options["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": options["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": options["aws_region"],
        "AWS_ENDPOINT_URL_S3": options["aws_endpoint_url"],
    }
    variables = {
        "LAKEHOUSE_ROOT": lake.root,
        "LAKEHOUSE_CONFIG_DIR": str(lake.settings.config_dir),
        "LAKEHOUSE_RUN_LOG": "off",
        "LAKEHOUSE_ENGINE": "spark",
        "LAKEHOUSE_SPARK__REMOTE": spark_connect_url,
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
    }
    with emr_serverless(tmp_path, options, {**aws, **variables}) as service:
        aws["AWS_ENDPOINT_URL_EMR_SERVERLESS"] = service.endpoint
        for name, value in aws.items():
            monkeypatch.setenv(name, value)
        lake = open_lake(load_settings(variables_of_settings(variables), lake.settings.config_dir))
        found = Cloud(service, lake, {**aws, **variables}, bucket)
        found.starts(JOB.read_bytes())
        yield found


def with_worker(lake: Lake, bucket: str) -> Lake:
    """Say in the environment that jobs run at the service."""
    worker = {
        "application": "app",
        "role": "arn:aws:iam::123456789012:role/lakehouse",
        "entryPoint": f"s3://{bucket}/job.py",
        "messages": f"s3://{bucket}/messages",
        "poll": "1s",
    }
    file = lake.settings.config_dir / "environments" / "local.yaml"
    file.write_text(yaml.safe_dump({"worker": worker}), encoding="utf-8")
    return lake


def variables_of_settings(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith("LAKEHOUSE_")}


def test_results_of_a_job_are_the_runs_own(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    deliver(cloud.lake, DAY, [order(1), order(2, amount="many")])
    deliver(cloud.lake, NEXT, [order(3), order(4)])
    run(cloud.lake, RAW, DAY, NEXT)

    result = cloud.materialise(instance, DAY, NEXT)

    assert result.success
    (job,) = cloud.service.jobs.values()
    assert job.state == "SUCCESS"
    assert sorted(rows_of(cloud.lake, ORDERS)["order_id"]) == ["1", "3", "4"]
    told = {one.partition: one.metadata for one in result.asset_materializations_for_node("silver__orders")}
    assert {day: data["lakehouse/rows_quarantined"].value for day, data in told.items()} == {DAY: 1, NEXT: 0}
    checks = [one for one in result.get_asset_check_evaluations() if one.check_name == "Validity"]
    assert {one.partition: one.passed for one in checks} == {DAY: False, NEXT: True}
    logs = [record.message for record in instance.all_logs(result.run_id)]
    assert any(f"silver/orders {DAY}: published, 1 rows published" in line for line in logs)
    assert [path for path in keys_of(cloud) if not path.startswith(("job.py", "messages/"))] == []


def test_a_partition_that_the_job_keeps_back_fails_the_run_with_its_own_sentence(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    deliver(cloud.lake, DAY, [order(1)])
    run(cloud.lake, RAW, DAY)

    result = cloud.materialise(instance, DAY, NEXT)

    assert not result.success
    assert [one.partition for one in result.asset_materializations_for_node("silver__orders")] == [DAY]
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert f"silver/orders {NEXT} is kept back" in str(failure.step_failure_data)
    assert rows_of(cloud.lake, ORDERS)["order_id"].to_list() == ["1"]


def test_a_job_that_cannot_work_says_why(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    # Bronze never landed at all.
    result = cloud.materialise(instance, DAY, DAY)

    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "bronze/shop/orders was never published" in str(failure.step_failure_data)


def test_a_job_that_dies_loses_nothing_and_runs_again(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    deliver(cloud.lake, DAY, [order(1)])
    run(cloud.lake, RAW, DAY)
    script = JOB.read_bytes()
    cloud.starts(b"import os\nos._exit(9)\n")

    died = cloud.materialise(instance, DAY, DAY)
    cloud.starts(script)
    again = cloud.materialise(instance, DAY, DAY)

    (failure,) = [event for event in died.all_events if event.is_step_failure]
    assert "ended before it told of 1 of 1 partitions" in str(failure.step_failure_data)
    assert again.success
    assert rows_of(cloud.lake, ORDERS)["order_id"].to_list() == ["1"]


def test_cancelling_the_run_cancels_its_job(cloud: Cloud, tmp_path: Path) -> None:
    deliver(cloud.lake, DAY, [order(1)])
    run(cloud.lake, RAW, DAY)
    # A job that waits for ever, whatever it is asked to do.
    cloud.starts(b"import time\nwhile True:\n    time.sleep(1)\n")
    command = ["-m", "dagster", "asset", "materialize", "-m", "lakehouse_assets.definitions"]
    environ = {**os.environ, **cloud.environ, "DAGSTER_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, *command, "--select", "key:silver/orders", "--partition", DAY], cwd=ROOT, env=environ
    ) as dagster:
        wait_until(lambda: bool(cloud.service.jobs) or dagster.poll() is not None)
        dagster.send_signal(signal.SIGINT)
        dagster.wait(PATIENCE_SECONDS)

    (job,) = cloud.service.jobs.values()
    assert job.is_cancelled
    assert dagster.returncode != 0


def test_a_job_is_asked_for_in_words_of_the_service() -> None:
    worker = Worker(
        application="app",
        role="arn",
        entry_point="s3://b/job.py",
        messages="s3://b/m",
        archives=("s3://b/lake.tar.gz#environment",),
        spark={"spark.executor.cores": "4"},
        environment={"LAKEHOUSE_ENV": "production", "NOTE": "two words"},
    )

    asked = job_of(worker, bare_contract("silver/orders"), [DAY, NEXT], name="orders")

    words = ["run", "silver/orders", "--partition", DAY, "--partition", NEXT, "--engine", "spark"]
    assert asked["jobDriver"]["sparkSubmit"]["entryPointArguments"] == words
    (block,) = asked["configurationOverrides"]["applicationConfiguration"]
    assert block["properties"] == {
        "spark.archives": "s3://b/lake.tar.gz#environment",
        "spark.emr-serverless.driverEnv.LAKEHOUSE_ENV": "production",
        "spark.emr-serverless.driverEnv.NOTE": "two words",
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": "./environment/bin/python",
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": "./environment/bin/python",
        "spark.executorEnv.PYSPARK_PYTHON": "./environment/bin/python",
        "spark.executor.cores": "4",
    }


def keys_of(cloud: Cloud) -> list[str]:
    store = open_store(f"s3://{cloud.bucket}", cloud.service.options)
    return sorted(meta["path"] for block in obstore.list(store) for meta in block)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
