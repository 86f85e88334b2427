"""Contracts, sources and settings put together as Dagster definitions. Reads configuration, opens nothing."""

from dataclasses import replace

import dagster as dg

from lakehouse_assets.defs.assets import IO_MANAGER, LAKE, to_asset
from lakehouse_assets.defs.executor import to_executor
from lakehouse_assets.defs.io_manager import LakeIOManager
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.maintenance import to_maintenance
from lakehouse_assets.defs.sensors import to_sensors
from lakehouse_assets.defs.spark import with_resource
from lakehouse_assets.defs.warehouses import with_warehouses
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Load and check the configuration and return everything Dagster shows and runs."""
    return assemble(LakeResource(open_lake(settings)))


def assemble(lake: LakeResource) -> dg.Definitions:
    """Return the definitions of a lake that is already configured."""
    lake = replace(lake, lake=with_warehouses(with_resource(lake.lake)))
    catalog, settings = lake.lake.catalog, lake.lake.settings
    jobs, schedules = to_maintenance(lake)
    return dg.Definitions(
        assets=[to_asset(contract, lake) for contract in catalog.contracts.values()],
        resources={LAKE: lake, IO_MANAGER: LakeIOManager(lake)},
        jobs=jobs,
        schedules=schedules,
        sensors=to_sensors(lake),
        executor=to_executor(settings.environment),
    )
