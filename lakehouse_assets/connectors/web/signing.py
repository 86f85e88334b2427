"""Who is asking: headers for the ways a connection may name, and new ones when they are refused.

Credentials are read when they are needed and kept for one extraction. None of them is ever in a message.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from lakehouse_assets.connectors.web.client import Client, Request
from lakehouse_assets.errors import SourceError

WAYS = ("none", "bearer", "basic", "header", "oauth2")
# A token is replaced a little before its end: the answer must still arrive in time.
_MARGIN_SECONDS = 30.0
Connection = Mapping[str, Any]


class Signer(Protocol):
    """Headers for requests."""

    def headers(self) -> Mapping[str, str]:
        """Return what says who is asking."""
        ...

    def renew(self) -> bool:
        """Get other credentials after these were refused; return whether there are any."""
        ...


class Fixed:
    """Credentials of the connection itself; after a refusal they are read again, for they may have been replaced."""

    def __init__(self, read: Callable[[], Connection], where: str) -> None:
        self._read, self._where = read, where
        self._headers = _fixed_headers(read(), where)

    def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self._headers

    def renew(self) -> bool:
        """Read the credentials again; return whether they are others."""
        before, self._headers = self._headers, _fixed_headers(self._read(), self._where)
        return before != self._headers


class ClientCredentials:
    """OAuth2 client credentials: a token that is fetched when needed, before it ends and once after a refusal."""

    def __init__(self, read: Callable[[], Connection], client: Client, *, now: Callable[[], float], where: str) -> None:
        self._read, self._client, self._now, self._where = read, client, now, where
        self._token, self._ends_at = "", 0.0

    def headers(self) -> Mapping[str, str]:
        """Return the header with a token that still holds."""
        if not self._token or self._now() >= self._ends_at:
            self._fetch()
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Forget the token; the next request fetches another."""
        self._token = ""
        return True

    def _fetch(self) -> None:
        connection = self._read()
        form = {"grant_type": "client_credentials"} | (
            {"scope": connection["scope"]} if connection.get("scope") else {}
        )
        answer = self._client.send(
            Request(
                _needed(connection, "oauthUrl", self._where),
                {
                    "Authorization": _basic(connection, "clientId", "clientSecret", self._where),
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                urlencode(form).encode(),
            )
        )
        try:
            told = json.loads(answer.content)
            self._token, seconds = str(told["access_token"]), float(told.get("expires_in", 3600))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SourceError(
                "unauthorized", "the answer to client credentials holds no token.", where=self._where
            ) from None
        self._ends_at = self._now() + max(seconds - _MARGIN_SECONDS, seconds / 2)


def _fixed_headers(connection: Connection, where: str) -> Mapping[str, str]:
    way = connection.get("auth", "none")
    if way == "none":
        return {}
    if way == "bearer":
        return {"Authorization": f"Bearer {_needed(connection, 'token', where)}"}
    if way == "basic":
        return {"Authorization": _basic(connection, "user", "password", where)}
    if way == "header":
        return {str(connection.get("header", "X-Api-Key")): _needed(connection, "apiKey", where)}
    raise SourceError("options", f"auth is none of {', '.join(WAYS)}.", where=where, fix="Correct `connection.auth`.")


def _basic(connection: Connection, user: str, password: str, where: str) -> str:
    pair = f"{_needed(connection, user, where)}:{_needed(connection, password, where)}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _needed(connection: Connection, key: str, where: str) -> str:
    value = str(connection.get(key, ""))
    if not value or not value.isprintable():
        what = "is missing" if not value else "holds characters that no header may"
        raise SourceError("secret", f"{key} of the connection {what}.", where=where, fix=f"Set `connection.{key}`.")
    return value
