"""Where steps run: in the run's own process on a laptop, in forked workers in a deployment."""

import dagster as dg

IN_PROCESS = frozenset({"local", "demo", "ci"})
# Imported once in the fork server instead of once a step. Not `lakehouse_assets.definitions`: it reads configuration,
# and a module that raises there ends the server with a bare EOFError.
PRELOAD = ["lakehouse_assets.defs.build", "lakehouse_assets.pipeline.run"]


def to_executor(environment: str) -> dg.ExecutorDefinition:
    """Return the executor of an environment."""
    if environment in IN_PROCESS:
        return dg.in_process_executor
    return dg.multiprocess_executor.configured({"start_method": {"forkserver": {"preload_modules": PRELOAD}}})
