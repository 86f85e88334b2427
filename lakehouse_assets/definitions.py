"""What Dagster loads (`-m lakehouse_assets.definitions`). Assembles, no more."""

import gc
import os

# All that is made here lives as long as the process: looking for garbage in it is work for nothing.
_collects = gc.isenabled()
gc.disable()
try:
    from lakehouse_assets.defs.build import build_definitions
    from lakehouse_assets.settings import load_settings

    defs = build_definitions(load_settings(os.environ))
finally:
    if _collects:
        gc.enable()
