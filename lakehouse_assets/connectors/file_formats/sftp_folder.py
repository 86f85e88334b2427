"""A folder of an SFTP server, whose key is known beforehand.

What belongs here: translating the answers and errors of the SSH library, which is imported when a connection is opened.
What does not: retries, which are `connectors.access`.
"""

import contextlib
import io
import posixpath
import socket
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from lakehouse_assets.connectors.file_formats.locations import CHUNK_BYTES, Entry, changed, outside
from lakehouse_assets.errors import PassingSourceError, SourceError

if TYPE_CHECKING:
    import paramiko

_PORT = 22
_OPTIONS = {"username", "password", "private_key", "private_key_passphrase", "host_key"}
# What servers and clients call the ways to sign with one and the same RSA key.
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
_REQUESTS = 64  # parts of a file that are asked for before the first has come


class SftpFolder:
    """A folder of an SFTP server; `options` are those of the connection."""

    is_atomic = False

    def __init__(self, url: str, options: Mapping[str, Any], *, timeout: float, where: str) -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORT
        self.name = f"sftp://{host}:{port}{parts.path}"
        self._refuse_unusable(parts.password, host, options, where)
        self._transport = _connected(host, port, options, timeout=timeout, where=where)
        user = str(options.get("username") or unquote(parts.username or ""))
        try:
            with _translated(self.name):
                _log_in(self._transport, user, options, where)
                self._client = _client_of(self._transport, timeout)
                self._root = self._client.normalize(unquote(parts.path) or ".")
        except SourceError:
            self._transport.close()
            raise

    def find(self, path: str) -> Entry | None:
        """Return the file at `path`, or None; raise SourceError for a folder or a file that is closed to us."""
        with _translated(f"{self.name}/{path}"):
            try:
                status = self._client.stat(self._full(path))
                real = self._client.normalize(self._full(path))
            except FileNotFoundError:
                return None
            if real != self._root and not real.startswith(f"{self._root.rstrip('/')}/"):
                raise outside(f"{self.name}/{path}")
            if not stat.S_ISREG(status.st_mode or 0):
                raise SourceError(
                    "not_a_file",
                    "a folder or device lies where a file is expected.",
                    where=f"{self.name}/{path}",
                    fix="Deliver a file, or correct `read.pattern`.",
                )
            size, modified_at = status.st_size or 0, status.st_mtime or 0
            return Entry(path, size, f"{size}-{modified_at}", float(modified_at))

    def entries(self, prefix: str, *, deep: bool) -> list[Entry]:
        """Return the files whose path starts with `prefix`."""
        folder = prefix.rpartition("/")[0]
        with _translated(f"{self.name}/{folder}"):
            paths = list(self._paths(folder, deep=deep))
        found = [self.find(path) for path in paths if path.startswith(prefix)]
        return [entry for entry in found if entry is not None]

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of the listed version; what was listed is compared again when all of them have come."""
        where = f"{self.name}/{entry.path}"
        with _translated(where):
            try:
                file = self._client.open(self._full(entry.path), "rb")
            except FileNotFoundError as error:
                raise changed(where) from error
            with file:
                file.prefetch(entry.size, max_concurrent_requests=_REQUESTS)
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        if self.find(entry.path) != entry:
            raise changed(where)

    def handle(self, entry: Entry) -> None:
        """Return nothing: remote files are copied before they are read."""

    def close(self) -> None:
        """End the connection."""
        self._transport.close()

    def _full(self, path: str) -> str:
        return posixpath.join(self._root, path)

    def _paths(self, folder: str, *, deep: bool) -> Iterator[str]:
        try:
            found = self._client.listdir_attr(self._full(folder))
        except FileNotFoundError:
            return
        for one in found:
            path = f"{folder}/{one.filename}" if folder else one.filename
            if not stat.S_ISDIR(one.st_mode or 0):
                yield path
            elif deep:
                yield from self._paths(path, deep=True)

    def _refuse_unusable(self, password: str | None, host: str, options: Mapping[str, Any], where: str) -> None:
        unknown = sorted(set(options) - _OPTIONS)
        problem = (
            "the location names no host"
            if not host
            else "the location holds a password; it would be told in messages"
            if password
            else f"the connection has no option {unknown[0]!r}"
            if unknown
            else ""
        )
        if problem:
            fix = "Write sftp://host/folder, and username, password or private_key, and host_key beside it."
            raise SourceError("connection", f"{problem}.", where=where, fix=fix)


def _connected(host: str, port: int, options: Mapping[str, Any], *, timeout: float, where: str) -> "paramiko.Transport":
    try:
        import paramiko
    except ImportError as error:
        fix = "Install it: pip install 'lakehouse-assets[sftp]'."
        raise SourceError("connection", "SFTP needs a library that is not installed.", where=where, fix=fix) from error
    known = [line.split()[:2] for line in str(options.get("host_key", "")).splitlines() if line.strip()]
    with _translated(f"sftp://{host}:{port}"):
        transport = paramiko.Transport(socket.create_connection((host, port), timeout=timeout))
        with contextlib.ExitStack() as failing:
            failing.callback(transport.close)
            transport.banner_timeout = transport.auth_timeout = timeout
            if known:
                kinds = [kind for name, *_ in known for kind in (_RSA if name == "ssh-rsa" else (name,))]
                transport.get_security_options().key_types = kinds
            transport.start_client(timeout=timeout)
            shown = transport.get_remote_server_key()
            _require_known(shown.get_name(), shown.get_base64(), known, where)
            failing.pop_all()
        return transport


def _require_known(kind: str, key: str, known: list[list[str]], where: str) -> None:
    if [kind, key] in known:
        return
    problem = "showed another key than the one that is declared" if known else "has no key that is declared"
    raise SourceError(
        "host_key",
        f"the server {problem}, so it may be another one.",
        where=where,
        fix=f"If its owner confirms that this is its key, declare it: host_key: {kind} {key}",
    )


def _log_in(transport: "paramiko.Transport", user: str, options: Mapping[str, Any], where: str) -> None:
    import paramiko

    key, password = str(options.get("private_key", "")), str(options.get("password", ""))
    try:
        if key:
            transport.auth_publickey(user, _private_key(key, str(options.get("private_key_passphrase", "")), where))
        else:
            transport.auth_password(user, password)
    except paramiko.AuthenticationException as error:
        raise SourceError(
            "denied",
            f"the server does not accept user {user!r} with this {'key' if key else 'password'}.",
            where=where,
            fix="Check username and private_key or password of the connection.",
        ) from error


def _private_key(text: str, passphrase: str, where: str) -> "paramiko.PKey":
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException, ValueError):
            found: paramiko.PKey = kind.from_private_key(io.StringIO(text), passphrase or None)
            return found
    raise SourceError(
        "connection",
        "private_key is no key that can be read.",
        where=where,
        fix="Set it to the whole text of a PEM or OpenSSH key, and private_key_passphrase where it has one.",
    )


def _client_of(transport: "paramiko.Transport", timeout: float) -> "paramiko.SFTPClient":
    import paramiko

    client = paramiko.SFTPClient.from_transport(transport)
    if client is None:
        raise EOFError
    client.get_channel().settimeout(timeout)  # type: ignore[union-attr]
    return client


@contextlib.contextmanager
def _translated(where: str) -> Iterator[None]:
    import paramiko

    try:
        yield
    except PermissionError as error:
        fix = "Ask the owner of the server for permission to read it."
        raise SourceError("unreadable", "the server does not allow to read it.", where=where, fix=fix) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise PassingSourceError(
            "unreachable",
            f"the server did not answer as it should ({type(error).__name__}).",
            where=where,
            fix="Try again later, or check host and port of the location.",
        ) from error
