"""Every locked package has one version, a hash and a licence that allows this use; what runs is what is locked.

No service of known vulnerabilities is asked here (it needs the network); the workflow in CI does that.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lakehouse_assets_tests.repository import ROOT, run, tool

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
SHIPPED = [lock for lock in LOCKS if lock.stem in {"demo", "job", "production"}]
# Weak copyleft (LGPL, MPL) binds changes to the library itself, which stays a separate, replaceable package.
ALLOWED = re.compile(
    r"apache|\bmit\b|bsd|\bisc\b|psf|python software foundation|python-2\.0|unlicense|zlib|cc0|lgpl|lesser|mpl|mozilla",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"\b(?:agpl|gpl|affero|sspl|busl|proprietary|commercial)|(?<!lesser )general public", re.IGNORECASE
)
# Its wheel says nothing; its source repository carries the MIT licence.
UNDECLARED = {"polars-hash": "MIT"}
HEAVY = {"numpy", "pandas", "pyarrow", "pyspark"}
# What a laptop does not need and the image does.
OF_THE_CLOUD = {"boto3", "dagster-aws", "dagster-postgres"}


@dataclass(frozen=True, slots=True)
class Locked:
    """One entry of a lock."""

    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        """The name as package indexes compare it."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str | None:
        """The one version it may have."""
        pins = [clause.version for clause in self.requirement.specifier if clause.operator == "=="]
        return pins[0] if len(pins) == len(self.requirement.specifier) == 1 else None


def read_lock(file: Path) -> Iterator[Locked]:
    """Yield the entries of a requirements file."""
    logical = re.sub(r"\\\n", " ", file.read_text(encoding="utf-8"))
    for line in logical.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            text, *hashes = line.split("--hash=sha256:")
            yield Locked(Requirement(text.strip()), len(hashes))


def loose_entries(file: Path) -> list[str]:
    """Return entries without one version and a hash, or with an address."""
    return [
        entry.name
        for entry in read_lock(file)
        if entry.version is None or entry.hashes == 0 or entry.requirement.url is not None
    ]


def licence_of(name: str) -> str:
    """Return what a distribution says about its licence, best field first."""
    if name in UNDECLARED:
        return UNDECLARED[name]
    facts = metadata(name).json
    classified = [entry.rsplit("::", 1)[-1] for entry in facts.get("classifier", ()) if "License ::" in entry]
    return str(facts.get("license_expression") or "; ".join(classified) or facts.get("license", "")).partition("\n")[0]


def is_allowed(licence: str) -> bool:
    """Whether a project under Apache-2.0 may depend on, and ship beside, a package under `licence`."""
    return any(
        ALLOWED.search(choice) is not None and REFUSED.search(choice) is None
        for choice in re.split(r"\bOR\b|;", licence)
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_locked_package_has_one_version_and_a_hash(lock: Path) -> None:
    assert loose_entries(lock) == []


@pytest.mark.parametrize("entry", ["polars>=2", "polars==2.1.0", "polars @ file:///polars.whl"])
def test_a_loose_entry_is_found(tmp_path: Path, entry: str) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"# comment\n{entry}\nrich==15.0.0 \\\n    --hash=sha256:00\n")
    assert loose_entries(lock) == ["polars"]


@pytest.mark.parametrize("lock", SHIPPED, ids=lambda lock: lock.stem)
def test_every_shipped_package_may_be_used_under_apache(lock: Path) -> None:
    refused = {}
    for entry in read_lock(lock):
        if entry.requirement.marker is None or entry.requirement.marker.evaluate():
            licence = licence_of(entry.name)
            if not is_allowed(licence):
                refused[entry.name] = licence
    assert refused == {}


@pytest.mark.parametrize(
    "licence", ["GPL-3.0-only", "AGPL-3.0", "Other/Proprietary License", "", "Business Source (BUSL)"]
)
def test_a_licence_that_binds_the_whole_is_refused(licence: str) -> None:
    assert not is_allowed(licence)


@pytest.mark.parametrize("licence", ["Apache-2.0", "MIT OR GPL-2.0", "LGPL with exceptions", "BSD License", "MPL-2.0"])
def test_a_licence_that_does_not_is_allowed(licence: str) -> None:
    assert is_allowed(licence)


@pytest.mark.parametrize("name", ["demo", "production"])
def test_the_core_stays_small(name: str) -> None:
    assert HEAVY & {entry.name for entry in read_lock(ROOT / "requirements" / f"{name}.txt")} == set()


def test_the_service_brings_spark_itself() -> None:
    found = {entry.name for entry in read_lock(ROOT / "requirements" / "job.txt")}
    assert "pyspark" not in found
    assert {"pandas", "pyarrow", "boto3"} <= found


def test_the_demo_needs_no_cloud() -> None:
    assert OF_THE_CLOUD & {entry.name for entry in read_lock(ROOT / "requirements" / "demo.txt")} == set()


def test_the_locks_agree_with_each_other() -> None:
    versions: dict[tuple[str, str], set[str | None]] = {}
    for lock in LOCKS:
        for entry in read_lock(lock):
            versions.setdefault((entry.name, str(entry.requirement.marker)), set()).add(entry.version)
    assert {key: found for key, found in versions.items() if len(found) > 1} == {}


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = {entry.name: entry.version for entry in read_lock(ROOT / "requirements" / "dev.txt")}
    stale = [
        text
        for text in asked
        if (wanted := Requirement(text)).name != "lakehouse-assets"
        and not wanted.specifier.contains(locked.get(canonicalize_name(wanted.name)) or "0")
    ]
    assert stale == [], "run `make lock`"


def test_what_is_installed_fits_together() -> None:
    judged = run(tool("uv"), "pip", "check", "--python", tool("python"))
    assert judged.returncode == 0, judged.stderr


def test_the_package_under_test_is_not_a_stale_copy() -> None:
    try:
        assert metadata("lakehouse-assets")["Version"] == "0.1.0"
    except PackageNotFoundError:
        pytest.fail("the project is not installed: run `make test`")
