"""Sets of publishes: which ones a file holds that maintenance made from files of several.

Written before the files that are named after them, never changed, named by their content.
"""

import hashlib
import json
from collections.abc import Iterable

from lakehouse_assets.errors import StorageError
from lakehouse_assets.naming import publish_set_file
from lakehouse_assets.storage.objects import Objects


def write_set(objects: Objects, publishes: Iterable[str]) -> str:
    """Write which publishes a set stands for and return its name."""
    content = json.dumps(sorted(set(publishes))).encode()
    name = f"set{hashlib.sha256(content).hexdigest()[:32]}"
    objects.write(publish_set_file(name), content)
    return name


def read_set(objects: Objects, name: str) -> tuple[str, ...]:
    """Return the publishes of a set; raise StorageError when they cannot be told."""
    content = objects.read(publish_set_file(name))
    if content is None or not name.endswith(hashlib.sha256(content).hexdigest()[:32]):
        raise StorageError(
            f"the list of publishes {name} is {'gone' if content is None else 'damaged'}.",
            where=objects.root,
            fix=f"Restore {publish_set_file(name)} from a backup, or run the partitions of its files again.",
        )
    return tuple(json.loads(content))
