"""Settings of one environment: base.yaml, then <environment>.yaml, then `LAKEHOUSE_*` variables; nothing else.

Every value knows the layer that set it. Nothing is read at import. What arrives and what is promised are
sources and contracts, not settings.
"""

from lakehouse_assets.settings.blocks import SettingsBlock
from lakehouse_assets.settings.layers import SELECTORS, variable_names
from lakehouse_assets.settings.load import load_settings, read_settings
from lakehouse_assets.settings.model import Maintenance, Settings, SourceOverlay, SparkPlace, Worker

__all__ = [
    "SELECTORS",
    "Maintenance",
    "Settings",
    "SettingsBlock",
    "SourceOverlay",
    "SparkPlace",
    "Worker",
    "load_settings",
    "read_settings",
    "variable_names",
]
