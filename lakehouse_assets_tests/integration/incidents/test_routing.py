"""`config/incidents.yaml` is read strictly; every problem has a line."""

from datetime import timedelta
from pathlib import Path

import pytest

from lakehouse_assets.errors import ConfigError
from lakehouse_assets.incidents.channel import find_channels
from lakehouse_assets.incidents.incident import Priority
from lakehouse_assets.incidents.routing import load_routing

pytestmark = pytest.mark.integration


def _write(folder: Path, text: str) -> Path:
    (folder / "incidents.yaml").write_text(text)
    return folder


def test_without_a_file_everything_goes_to_the_log(tmp_path: Path) -> None:
    routing = load_routing(tmp_path, "local", {"log"})

    assert [routing.channels_of(priority) for priority in Priority] == [("log",)] * 4
    assert routing.policy.reopen_within == timedelta(hours=24)


def test_the_file_sets_times_and_channels(tmp_path: Path) -> None:
    folder = _write(tmp_path, "reopenWithin: 2d\npriorities:\n  P1: {channels: [log, pager]}\n")

    routing = load_routing(folder, "production", {"log", "pager"})

    assert routing.policy.reopen_within == timedelta(days=2)
    assert routing.channels_of(Priority.P1) == ("log", "pager")
    assert routing.channels_of(Priority.P4) == ("log",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reopenWithn: 24h\n", r"incidents\.yaml:1:1: .*Did you mean 'reopenWithin'"),
        ("reopenWithin: soon\n", r"incidents\.yaml:1:.*write a number and a unit"),
        ("priorities:\n  P5: {channels: [log]}\n", r"incidents\.yaml:2:.*unknown key 'P5'"),
        ("priorities:\n  P1: {channels: [logg]}\n", r"incidents\.yaml:2:.*no channel 'logg'.*Did you mean 'log'"),
        ("highShare: 5\n", r"incidents\.yaml:1:.*less than or equal to 1"),
    ],
)
def test_a_mistake_is_an_error_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        load_routing(_write(tmp_path, text), "local", {"log"})


def test_the_shipped_file_is_valid() -> None:
    shipped = Path(__file__).parents[3] / "config"

    routing = load_routing(shipped, "production", set(find_channels()))

    assert routing.channels_of(Priority.P1) == ("log",)
