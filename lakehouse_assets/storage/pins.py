"""Pins: the upstream versions one step reads, written before it stages, so that maintenance keeps them."""

import json
from collections.abc import Mapping

from lakehouse_assets.naming import pin_file
from lakehouse_assets.storage.objects import Objects


def write_pins(objects: Objects, publish: str, versions: Mapping[str, int]) -> None:
    """Remember which version of each upstream a publish of this table reads."""
    objects.write(pin_file(publish), json.dumps(dict(versions), sort_keys=True).encode())
