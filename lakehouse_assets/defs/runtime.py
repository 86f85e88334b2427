"""How long a run may take: what its tables' contracts say (`lakehouse.maxRuntime`), told to Dagster's run monitoring.

Dagster reads the limit from a tag of the *run*. Tags of an asset or a step never reach it, and runs of backfills,
automation and the UI share one implicit job: so the first step of a run sets it. The daemon ends a run that exceeds
it (`run_monitoring` in dagster.yaml); what its chunks have published stays. Without a daemon nothing watches.
"""

import dagster as dg

from lakehouse_assets.contracts.model import Catalog
from lakehouse_assets.defs.metadata import to_key

MAX_RUNTIME = "dagster/max_runtime"


def limit_runtime(context: dg.AssetExecutionContext, catalog: Catalog) -> None:
    """Give the run as many seconds as its tables may take one after the other; a limit set by a person stays."""
    run = context.run
    if MAX_RUNTIME not in run.tags:
        seconds = seconds_of(catalog, set(run.asset_selection or ()))
        context.instance.add_run_tags(run.run_id, {MAX_RUNTIME: str(seconds)})


def seconds_of(catalog: Catalog, selected: set[dg.AssetKey]) -> int:
    """Return what the contracts of the selected tables allow together; of all tables when none is selected."""
    contracts = catalog.contracts.values()
    chosen = [one for one in contracts if not selected or to_key(one.table) in selected]
    return 60 * sum(contract.max_runtime_minutes for contract in chosen)
