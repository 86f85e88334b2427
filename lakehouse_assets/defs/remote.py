"""Partitions computed by a job of EMR Serverless instead of in the step: started, watched, cancelled and believed.

The job is `lakehouse run … --engine spark`; it publishes by itself and tells each partition's result through S3
while it runs (Dagster Pipes). A step that is ended cancels its job. Needs the extra `aws`.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3  # noqa: TID253 - this module is imported by a run that has a worker, and by nothing else
import dagster as dg
from dagster_aws.pipes import PipesEMRServerlessClient, PipesS3MessageReader  # noqa: TID253 - same

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs import preview
from lakehouse_assets.errors import StorageError
from lakehouse_assets.pipeline.messages import error_of, result_of
from lakehouse_assets.results import PartitionResult
from lakehouse_assets.settings import Worker

_ALIVE = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED"]


class _Messages(PipesS3MessageReader):
    """Messages below a prefix of a bucket; what arrived can be read also after the job failed."""

    def __init__(self, address: str, *, interval: float) -> None:
        bucket, _, self._prefix = address.removeprefix("s3://").partition("/")
        super().__init__(bucket=bucket, client=boto3.client("s3"), interval=interval)
        self.received: dg.PipesMessageHandler | None = None

    @contextlib.contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Iterator[Mapping[str, Any]]:
        self.received = handler
        with super().read_messages(handler) as params:
            yield params

    @contextlib.contextmanager
    def get_params(self) -> Iterator[dict[str, Any]]:
        with super().get_params() as params:
            prefix = f"{self._prefix}/" if self._prefix else ""
            yield {**params, "key_prefix": f"{prefix}{params['key_prefix']}"}

    def messages(self) -> Sequence[Mapping[str, Any]]:
        return self.received.get_custom_messages() if self.received else ()


class _Client(PipesEMRServerlessClient):
    """The client without its reading of logs, which would warn that messages through S3 cannot be received."""

    def _read_messages(self, *_: object) -> None: ...


def compute(
    context: dg.AssetExecutionContext, worker: Worker, contract: Contract, partitions: Sequence[str]
) -> Iterator[PartitionResult]:
    """Run a job and yield what it told, also of a job that failed half-way; then raise what it raised.

    Raises StorageError when the job ended before it told of every partition; what it published stays, and a
    retry finds it unchanged.
    """
    reader = _Messages(worker.messages, interval=worker.poll_seconds)
    service = boto3.client("emr-serverless")
    client = _Client(client=service, message_reader=reader, poll_interval=worker.poll_seconds)
    job = job_of(worker, contract, partitions, name=f"{contract.table} {context.run.run_id}")
    failure = ""
    with contextlib.ExitStack() as alive:
        alive.callback(_cancel, service, job)
        try:
            # Pipes calls what Dagster itself calls deprecated.
            with preview.disable_dagster_warnings():
                client.run(context=context, start_job_run_params=job)
        except RuntimeError as error:
            # Its one way to say that the job failed; what the job itself said is worth more.
            failure = str(error)
        alive.pop_all()
    told = [result for message in reader.messages() if (result := result_of(message)) is not None]
    yield from told
    for said in filter(None, map(error_of, reader.messages())):
        raise said
    missing = set(partitions) - {result.partition for result in told}
    if missing:
        raise StorageError(
            f"the job on EMR Serverless ended before it told of {len(missing)} of {len(partitions)} partitions"
            f"{f' ({failure})' if failure else ''}.",
            where=str(contract.table),
            fix="Look at the job's logs (its id is in this run's log), then run the partitions again; nothing is lost.",
        )


def _cancel(service: Any, job: Mapping[str, Any]) -> None:  # noqa: ANN401 - a client of boto3
    """Cancel the job by its name: a step that is ended while it starts one has not learned its id yet."""
    application = job["applicationId"]
    for page in service.get_paginator("list_job_runs").paginate(applicationId=application, states=_ALIVE):
        for one in page["jobRuns"]:
            if one.get("name") == job["name"]:
                service.cancel_job_run(applicationId=application, jobRunId=one["id"])


def job_of(worker: Worker, contract: Contract, partitions: Sequence[str], *, name: str) -> dict[str, Any]:
    """Return the arguments of StartJobRun for some partitions of a table."""
    wanted = [word for partition in partitions for word in ("--partition", partition)]
    return {
        "applicationId": worker.application,
        "executionRoleArn": worker.role,
        "name": name,
        "executionTimeoutMinutes": contract.max_runtime_minutes,
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": worker.entry_point,
                "entryPointArguments": ["run", str(contract.table), *wanted, "--engine", "spark"],
            }
        },
        # Here and not among the parameters of spark-submit, where a value with a blank would be cut.
        "configurationOverrides": {
            "applicationConfiguration": [{"classification": "spark-defaults", "properties": _properties(worker)}]
        },
    }


def _properties(worker: Worker) -> dict[str, str]:
    environment, executors = dict(worker.environment), {}
    if any(archive.endswith("#environment") for archive in worker.archives):
        python = "./environment/bin/python"
        environment = {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, **environment}
        executors = {"spark.executorEnv.PYSPARK_PYTHON": environment["PYSPARK_PYTHON"]}
    variables = {f"spark.emr-serverless.driverEnv.{name}": value for name, value in environment.items()}
    archives = {"spark.archives": ",".join(worker.archives)} if worker.archives else {}
    return {**archives, **variables, **executors, **worker.spark}
