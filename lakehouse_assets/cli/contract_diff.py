"""`lakehouse contract diff`: what a change of contracts means for their readers, before it is merged."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table, to_plain
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.contracts.diff import Comparison
    from lakehouse_assets.contracts.impact import Notice, Reached
    from lakehouse_assets.contracts.model import Catalog, Contract

_PLAIN = ("level", "kind", "compatibility", "subject", "sentence", "columns")


@dataclass(frozen=True, slots=True)
class _Changed:
    """One contract that changed: its file, how, whom it reaches, and what they are to be told."""

    path: str
    table: str
    found: "Comparison"
    reached: tuple["Reached", ...] = ()
    notices: tuple["Notice", ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return what machines are told."""
        reached = [
            {"name": one.name, "kind": one.kind, "columns": list(one.columns), "is_broken": one.is_broken,
             "subjects": [change.subject for change in one.changes]}
            for one in self.reached
        ]  # fmt: skip
        return {
            "path": self.path,
            "table": self.table,
            "changes": [{name: to_plain(getattr(one, name)) for name in _PLAIN} for one in self.found.changes],
            "needs": self.found.needs,
            "compatibility": self.found.compatibility,
            "problem": self.found.problem,
            "reached": reached,
            "notices": to_plain(self.notices),
        }


def diff(
    old: Annotated[Path | None, typer.Argument(help="The contract as readers know it.")] = None,
    new: Annotated[Path | None, typer.Argument(help="The contract as it would be.")] = None,
    *,
    against: Annotated[str, typer.Option(help="A git revision: compares every contract with what it was there.")] = "",
    notices: Annotated[
        Path | None, typer.Option(help="Folder to write a notice into for each broken consumer.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a change breaks, adds or rewords and for whom; exit 1 when a version does not say so."""
    if against and (old or new):
        raise LakehouseError("--against compares the whole configuration.", fix="Leave the two files out.")
    if against:
        changed = list(_since(against))
    elif old and new:
        changed = [_between(old, new)]
    else:
        raise LakehouseError("there is nothing to compare.", fix="Name two files, or --against REVISION.")
    if as_json:
        print_json([one.to_plain() for one in changed] if against else changed[0].to_plain())
    else:
        _show(changed, titled=bool(against))
    if notices is not None:
        _write(notices, [notice for one in changed for notice in one.notices])
    problems = [one for one in changed if one.found.problem]
    if problems:
        more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
        raise LakehouseError(
            problems[0].found.problem + more,
            where=problems[0].path,
            fix="Raise `version`, or make a new table for a break.",
        )


def _between(old: Path, new: Path) -> _Changed:
    before, after = _read(old), _read(new)
    return _compared(str(new), before, after, _catalog())


def _since(revision: str) -> Iterator[_Changed]:
    """Yield what became of every contract file; one that cannot be compared has not been proven harmless."""
    from lakehouse_assets.contracts.diff import FORWARD, MAJOR, MINOR, NEITHER, Change, Comparison  # noqa: PLC0415
    from lakehouse_assets.contracts.impact import reached_by  # noqa: PLC0415
    from lakehouse_assets.contracts.revision import write_revision  # noqa: PLC0415

    folder = _config_dir()
    with tempfile.TemporaryDirectory(prefix="lakehouse-revision-") as target:
        before = _files(write_revision(folder, revision, Path(target)))
        after, catalog = _files(folder), _catalog()
        for name in sorted({*before, *after}):
            path = f"{folder.name}/contracts/{name}"
            if name not in before:
                made = Change(MINOR, "the table", "is new.", FORWARD)
                yield _Changed(path, _read(after[name]).table.short, Comparison((made,), MINOR, "", FORWARD))
            elif name not in after:
                gone = _read(before[name])
                change = Change(MAJOR, "the table", "is gone.", NEITHER)
                found = Comparison((change,), MAJOR, _ending(gone), NEITHER)
                yield _Changed(path, str(gone.table), found, reached_by(found, gone, catalog))
            elif before[name].read_bytes() != after[name].read_bytes():
                yield _compared(path, _read(before[name]), _read(after[name]), catalog)


def _ending(gone: "Contract") -> str:
    if gone.status in {"retired", "draft", "proposed"} or not gone.consumers:
        return ""
    names = ", ".join(consumer.name for consumer in gone.consumers)
    return f"the contract is gone while {names} read the table: set `status: retired` first, and remove it later."


def _compared(path: str, old: "Contract", new: "Contract", catalog: "Catalog | None") -> _Changed:
    from lakehouse_assets.contracts.diff import compare  # noqa: PLC0415 - start fast for --help
    from lakehouse_assets.contracts.impact import notices, reached_by  # noqa: PLC0415

    found = compare(old, new)
    reached = reached_by(found, old, catalog)
    told = notices(found, old, new, reached, datetime.now(UTC).date())
    return _Changed(path, str(new.table), found, reached, told)


def _show(changed: Sequence[_Changed], *, titled: bool) -> None:
    for one in changed:
        if titled:
            console.print(f"[bold]{one.table}[/bold] {escape(one.path)}")
        header = ("level", "kind", "compatible", "subject", "what")
        rows = [(each.level, each.kind, each.compatibility, escape(each.subject), escape(each.sentence))
                for each in one.found.changes]  # fmt: skip
        print_table("", header, rows)
        readers = [
            (reader.kind, reader.name, "breaks" if reader.is_broken else "changes", _subjects(reader))
            for reader in one.reached
        ]
        print_table("", ("reader", "name", "it", "by"), readers)
        console.print(_summary(one))
    if not changed:
        console.print("No contract changed.")


def _subjects(reader: "Reached") -> str:
    return ", ".join(dict.fromkeys(change.subject for change in reader.changes))


def _summary(one: _Changed) -> str:
    if not one.found.changes:
        return "The contracts promise the same."
    article = f"a {one.found.needs}" if one.found.needs == "patch" else one.found.needs
    return f"The change is {article}. Compatibility: {one.found.compatibility}."


def _write(folder: Path, told: Sequence["Notice"]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for notice in told:
        name = f"{notice.table.replace('/', '.')}-{notice.version_after}-{notice.consumer}.json"
        (folder / name).write_text(json.dumps(to_plain(notice), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(f"Notices written: {len(told)}.")


def _read(path: Path) -> "Contract":
    from lakehouse_assets.contracts.loader import load_contract  # noqa: PLC0415
    from lakehouse_assets.pipeline.vocabulary import collect_vocabulary  # noqa: PLC0415

    if not path.is_file():
        raise LakehouseError(f"there is no file {str(path)!r}.", fix=f"Looked in {os.fspath(Path.cwd())}.")
    return load_contract(path, collect_vocabulary())


def _config_dir() -> Path:
    return Path(os.environ.get("LAKEHOUSE_CONFIG_DIR", "config")).absolute()


def _files(folder: Path) -> dict[str, Path]:
    from lakehouse_assets.contracts.loader import SUFFIX  # noqa: PLC0415

    contracts = folder / "contracts"
    return {file.relative_to(contracts).as_posix(): file for file in contracts.rglob(f"*{SUFFIX}")}


def _catalog() -> "Catalog | None":
    """Return today's tables, to know which of them read what changed; None outside of a configuration."""
    from lakehouse_assets.contracts.loader import load_catalog  # noqa: PLC0415
    from lakehouse_assets.pipeline.vocabulary import collect_vocabulary  # noqa: PLC0415

    folder = _config_dir()
    return load_catalog(folder, collect_vocabulary())[0] if folder.is_dir() else None
