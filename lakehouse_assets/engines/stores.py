"""Opening an object store with a lake's `storageOptions`.

Delta and Polars take all options in one mapping; obstore wants those of the connection apart, and aborts otherwise.
"""

from collections.abc import Mapping
from typing import Any

from obstore.store import from_url

_OF_THE_CONNECTION = frozenset(
    {
        "allow_http",
        "allow_invalid_certificates",
        "connect_timeout",
        "http1_only",
        "http2_only",
        "pool_idle_timeout",
        "pool_max_idle_per_host",
        "proxy_ca_certificate",
        "proxy_excludes",
        "proxy_url",
        "timeout",
        "user_agent",
    }
)


def open_store(url: str, options: Mapping[str, str]) -> Any:  # noqa: ANN401 - obstore's union of stores
    """Return the store below `scheme://bucket/prefix`; nothing is sent yet."""
    config: Any = {}  # obstore has one typed dictionary for each kind of store
    connection: Any = {}
    for key, value in options.items():
        name = key.lower().removeprefix("aws_")
        if name in _OF_THE_CONNECTION:
            connection[name] = value
        else:
            config[key] = value
    return from_url(url, config=config, client_options=connection)
