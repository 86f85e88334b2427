"""Where steps run: in the run's own process on a laptop, in forked workers in a deployment."""

import dagster as dg

IN_PROCESS = frozenset({"local", "demo", "ci"})
# What every worker needs; imported once in the fork server instead of once a step (1.6 s instead of 4 s).
PRELOAD = ["lakehouse_assets.definitions", "lakehouse_assets.pipeline.run"]


def to_executor(environment: str) -> dg.ExecutorDefinition:
    """Return the executor of an environment."""
    if environment in IN_PROCESS:
        return dg.in_process_executor
    return dg.multiprocess_executor.configured({"start_method": {"forkserver": {"preload_modules": PRELOAD}}})
