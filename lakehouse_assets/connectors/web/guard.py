"""Where a request may go: to the host of the connection, and to others only where the connection names them.

What belongs here: names, ports and addresses, looked up once and connected to as they were looked up. What does not:
sending anything. Why: docs/adr/0025-what-a-source-may-be-asked.md.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from lakehouse_assets.errors import PassingSourceError, SourceError

BLOCKED = "ssrf_blocked"
_PORTS = {"http": 80, "https": 443}
# An IPv4 address inside an IPv6 one: a translator on the way would turn it back.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked, and the address to connect to."""

    scheme: str
    host: str
    port: int
    address: str
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials may be told to."""
        return self.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class Guard:
    """Which URLs may be asked: `home` is that of the connection, `allowed` its other hosts, `host:port` or networks."""

    home: str
    allowed: tuple[str, ...] = ()
    where: str = ""

    def target(self, url: str) -> Target:
        """Return where a URL leads; raise SourceError `ssrf_blocked` when it must not be asked."""
        parts, home = _split(url, self.where), _split(self.home, self.where)
        if parts.scheme == "http" and home.scheme == "https":
            raise self._blocked("the source leads from https to http.", "Ask its owner; credentials would be readable.")
        host, port = str(parts.hostname), _port(parts)
        if (host, port) != (home.hostname, _port(home)) and not self._names(host, port, _port(home)):
            raise self._blocked(
                f"the source leads to another host, {host}:{port}.",
                f"If it is meant, add `allowedHosts: {host}:{port}` to the connection.",
            )
        path = parts.path or "/"
        return Target(
            parts.scheme, host, port, self._address(host, port), f"{path}?{parts.query}" if parts.query else path
        )

    def _names(self, host: str, port: int, home_port: int) -> bool:
        if f"{host}:{port}" in self.allowed:
            return True
        return host in self.allowed and port in {*_PORTS.values(), home_port}

    def _address(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise PassingSourceError(
                "connection", f"the host {host} is not known ({error.strerror}).", where=self.where
            ) from None
        addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        is_named = host in self.allowed or f"{host}:{port}" in self.allowed
        for address in addresses:
            if not (is_named or is_public(address) or _is_within(address, self.allowed)):
                raise self._blocked(
                    f"{host} has the private address {address}.",
                    f"If it is meant, add `allowedHosts: {host}` to the connection.",
                )
        return str(addresses[0])

    def _blocked(self, what: str, fix: str) -> SourceError:
        return SourceError(BLOCKED, what, where=self.where, fix=fix)


def is_public(address: _Address) -> bool:
    """Whether an address is one of the open internet, also when it is written inside another kind of address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(inner)
        if address in _TRANSLATED:
            return False
    return address.is_global and not address.is_multicast


def hosts_in(text: str) -> tuple[str, ...]:
    """Return the entries of `allowedHosts`: hosts, `host:port` or networks, divided by blanks or commas."""
    return tuple(text.lower().replace(",", " ").split())


def shown(url: str) -> str:
    """Return a URL for messages: without user, query and fragment, where secrets are."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _split(url: str, where: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.password or "\\" in url:
        raise SourceError(
            BLOCKED,
            f"{parts.scheme or 'this'} is no address that may be asked.",
            where=where,
            fix="Write http://host/… or https://host/…, and credentials into keys of their own.",
        )
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _is_within(address: _Address, allowed: Iterable[str]) -> bool:
    networks = (entry for entry in allowed if "/" in entry)
    return any(address in ipaddress.ip_network(entry, strict=False) for entry in networks)
