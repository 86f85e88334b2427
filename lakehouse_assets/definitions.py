"""What Dagster loads (`-m lakehouse_assets.definitions`). Assembles, no more."""

import os

from lakehouse_assets.defs.build import build_definitions
from lakehouse_assets.settings import load_settings

defs = build_definitions(load_settings(os.environ))
