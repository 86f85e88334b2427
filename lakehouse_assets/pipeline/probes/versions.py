"""Whether the installed libraries are those that `pyproject.toml` asks for; others have lost or doubled rows.

In a checkout the file itself is compared, since what an older installation noted may be out of date.
"""

import platform
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import lakehouse_assets
from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, error, fine, probe

_PROJECT = "lakehouse-assets"
_FIX = "Install the locked versions: `make dev`, or `pip install --require-hashes -r requirements/production.txt`."


@probe
def versions(_: Installation) -> Iterator[Diagnosis]:
    """Compare each library of the core, and Python itself, with the range that is known to work."""
    python, lines = _declared()
    needed = [line for line in lines if _is_needed(Requirement(line))]
    wrong = list(wrong_versions(needed))
    if not SpecifierSet(python).contains(platform.python_version()):
        wrong.append(f"Python {platform.python_version()}, needed {python}")
    for sentence in wrong:
        yield error(f"a version that is not known to work: {sentence}.", where="this Python environment", fix=_FIX)
    if not wrong:
        yield fine(f"{len(needed)} libraries and Python {platform.python_version()} are as declared")


def wrong_versions(lines: list[str]) -> Iterator[str]:
    """Yield what is wrong about each requirement that the installed libraries do not meet."""
    for requirement in map(Requirement, lines):
        try:
            have = version(requirement.name)
        except PackageNotFoundError:
            yield f"{requirement.name} is missing, needed {requirement.specifier}"
            continue
        if not requirement.specifier.contains(have, prereleases=True):
            yield f"{requirement.name} {have}, needed {requirement.specifier}"


def _is_needed(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _declared() -> tuple[str, list[str]]:
    file = Path(lakehouse_assets.__file__).parents[1] / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == _PROJECT:
            return str(project["requires-python"]), list(project["dependencies"])
    return str(metadata(_PROJECT)["Requires-Python"]), list(requires(_PROJECT) or [])
