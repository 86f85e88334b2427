"""What a channel is. One module per channel under `channels/`; the registry finds the class by its `name`."""

import inspect
from typing import Any, Protocol

from lakehouse_assets.incidents.message import Message
from lakehouse_assets.registry import discover

CHANNELS = "lakehouse_assets.incidents.channels"


class Channel(Protocol):
    """Tells someone. Built without arguments; raises on failure and is then asked again later."""

    name: str

    def send(self, message: Message) -> str:
        """Deliver a message; return what the other side calls it, for the next message about the same incident."""
        ...


def find_channels() -> dict[str, Channel]:
    """Return one instance of every channel there is, by name."""
    return {name: plugin.value() for name, plugin in discover(CHANNELS, _channel_name).items()}


def _channel_name(value: Any) -> str | None:  # noqa: ANN401 - the registry asks about every object of a module
    is_channel = inspect.isclass(value) and callable(getattr(value, "send", None))
    return getattr(value, "name", None) if is_channel else None
