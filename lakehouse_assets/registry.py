"""Finding plug-ins: every module of a room is imported and asked for what it offers. There is no second list.

A plug-in is a module-level object that a predicate accepts; its name is its key.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from lakehouse_assets.errors import LakehouseError


@dataclass(frozen=True, slots=True)
class Plugin:
    """An object that was found, with the module it was found in."""

    name: str
    value: Any
    module: str


def discover(package: str, accepts: Callable[[Any], str | None]) -> dict[str, Plugin]:
    """Return every object of `package`'s modules for which `accepts` gives a name.

    Raises LakehouseError when two modules offer the same name.
    """
    found: dict[str, Plugin] = {}
    for module in _modules(package):
        for value in vars(module).values():
            name = accepts(value)
            if name is None or getattr(value, "__module__", module.__name__) != module.__name__:
                continue
            if name in found and found[name].module != module.__name__:
                raise LakehouseError(
                    f"{name!r} is offered by {found[name].module} and by {module.__name__}.",
                    where=package,
                    fix="Rename one of them.",
                )
            found[name] = Plugin(name, value, module.__name__)
    return found


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda entry: entry.name):
        yield importlib.import_module(f"{package}.{info.name}")
