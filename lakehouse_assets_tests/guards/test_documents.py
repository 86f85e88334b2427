"""What documents point at is there: links, anchors, `make` targets, commands and their options."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from lakehouse_assets.cli.main import build_app
from lakehouse_assets_tests.repository import ROOT, kept_files

PAGES = [file for file in kept_files() if file.suffix == ".md"]
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# Inside code only: prose may say what it likes about a lakehouse.
_SPAN = re.compile(r"`([^`\n]+)`")
_WORDS = re.compile(r"(?:^|[\s;(/])(make|lakehouse) ((?:[^\s`|;&#$()…]+ ?)*)", re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_TARGETS = frozenset(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
README_LINES = 60


def dead_links(page: Path) -> list[str]:
    """Return links to files or headings that do not exist; addresses of the web are not tried."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if "://" not in link and not _leads_somewhere(page, link)]


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path) if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    titles = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def unknown_commands(text: str) -> list[str]:
    """Return what a page tells people to type that neither `make` nor `lakehouse` understands."""
    return [f"{program} {line}" for program, line in _typed(text) if not _is_known(program, line.split())]


def _typed(text: str) -> Iterator[tuple[str, str]]:
    snippets = [*_SPAN.findall(_CODE.sub("", text)), *_CODE.findall(text)]
    for snippet in snippets:
        for program, line in _WORDS.findall(snippet):
            yield program, line.strip()


def _is_known(program: str, words: list[str]) -> bool:
    if program == "make":
        return all("=" in word or word in _TARGETS for word in words[:1])
    command: object = typer.main.get_command(build_app())
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        found = command.commands.get(words[0].strip('"'))
        if found is None:
            return command.invoke_without_command
        command, words = found, words[1:]
    options = {option for parameter in getattr(command, "params", []) for option in parameter.opts} | {"--help"}
    return all(word.partition("=")[0] in options for word in words if word.startswith("-"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_exists(page: Path) -> None:
    assert unknown_commands(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("link", ["gone.md", "here.md#gone", "#gone"])
def test_a_dead_link_is_found(link: str, tmp_path: Path) -> None:
    page = tmp_path / "here.md"
    page.write_text(f"# Here it is\n[this](here.md#here-it-is) [that]({link}) [web](https://example.com/gone)\n")

    assert dead_links(page) == [link]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("Type `make dmeo`.", "make dmeo"),
        ("Type `lakehouse tabels`.", "lakehouse tabels"),
        ("```sh\nlakehouse incidents shwo 1\n```\n", "lakehouse incidents shwo 1"),
        ("Type `.venv/bin/lakehouse run silver/x --partitions 1`.", "lakehouse run silver/x --partitions 1"),
    ],
    ids=["target", "command", "command of a group", "option"],
)
def test_a_command_that_does_not_exist_is_found(text: str, command: str) -> None:
    assert unknown_commands(f"`make demo` and `lakehouse run silver/x -p 1` make a lakehouse.\n{text}") == [command]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in reached:
            reached.add(page)
            links = [link.partition("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8"))]
            targets = [page.parent / link for link in links if link and "://" not in link]
            waiting += [
                each
                for target in targets
                for each in ([target] if target.is_file() else target.glob("*.md"))
                if each.suffix == ".md"
            ]
    documents = [page for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [str(page.relative_to(ROOT)) for page in documents if page not in reached] == []


def test_what_a_person_in_a_hurry_needs_is_at_the_top_of_the_readme() -> None:
    top = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:README_LINES])

    for needed in ("```mermaid", "```yaml", "make demo", "make test", "where do I add", "docs/index.md"):
        assert needed in top
