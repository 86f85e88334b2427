"""The files under `config/` that describe data, read once; the loader itself touches no disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lakehouse_assets.documents.findings import Report, Spot

_FOLDERS = ("sources", "contracts", "waivers", "references")
_FILES = ("schedules.yaml", "retry_policies.yaml", "performance.yaml")


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """Contents by path below the configuration folder, which is called `folder` in findings."""

    contents: Mapping[str, bytes]
    runbooks: frozenset[str] = frozenset()
    folder: str = "config"

    def below(self, prefix: str) -> Iterator[str]:
        """Yield the paths in one folder and its subfolders, sorted."""
        yield from sorted(path for path in self.contents if path.startswith(f"{prefix}/"))


def read_config_files(config_dir: Path, report: Report) -> ConfigFiles:
    """Read every file; one that cannot be read is a finding."""
    files = [config_dir / name for name in _FILES if (config_dir / name).exists()]
    for folder in _FOLDERS:
        files += [file for file in sorted((config_dir / folder).rglob("*")) if not file.is_dir()]
    contents: dict[str, bytes] = {}
    for file in files:
        path = file.relative_to(config_dir).as_posix()
        try:
            contents[path] = file.read_bytes()
        except OSError as error:
            spot = Spot(f"{config_dir.name}/{path}")
            report.add("LH210", spot, f"the file cannot be read ({error.strerror}).")
    runbooks = frozenset(file.stem for file in (config_dir.parent / "docs" / "runbooks").glob("*.md"))
    return ConfigFiles(contents, runbooks, config_dir.name)
