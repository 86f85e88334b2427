"""An SFTP server in this process that shows one folder, on a free port: the real protocol over real sockets."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko  # noqa: TID253 - the server of the tests
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED  # noqa: TID253 - same

USER, PASSWORD = "drop", "let-me-in"  # pragma: allowlist secret


@dataclass(frozen=True)
class SftpServer:
    """Where the server listens, what it is known by, and which files were opened."""

    port: int
    host_key: str
    opened: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address of the folder."""
        return f"sftp://{USER}@127.0.0.1:{self.port}/"


class _Door(paramiko.ServerInterface):
    """Lets one user in, by password or by key."""

    def __init__(self, key: paramiko.PKey | None) -> None:
        self._key = key

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - called by paramiko
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if (username, password) == (USER, PASSWORD) else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL if username == USER and key == self._key else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - same
        return OPEN_SUCCEEDED


def _folder_of(root: Path, opened: list[str]) -> type[paramiko.SFTPServerInterface]:
    """Return what answers for a folder, whose top the clients see as `/`; links are followed as any server does."""

    class Folder(paramiko.SFTPServerInterface):
        def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
            try:
                found = sorted(os.scandir(_real(path)), key=lambda entry: entry.name)
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)
            return [paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name) for entry in found]

        def stat(self, path: str) -> paramiko.SFTPAttributes | int:
            try:
                return paramiko.SFTPAttributes.from_stat(_real(path).stat())
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)

        def canonicalize(self, path: str) -> str:
            real = os.path.realpath(_real(path))
            top = os.path.realpath(root)
            return "/" + os.path.relpath(real, top).lstrip(".") if real.startswith(top) else real

        def open(self, path: str, flags: int, attr: object) -> paramiko.SFTPHandle | int:  # noqa: ARG002 - called by paramiko
            opened.append(path)
            handle = paramiko.SFTPHandle(flags)
            try:
                handle.readfile = _real(path).open("rb")  # type: ignore[attr-defined]
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)
            return handle

    def _real(path: str) -> Path:
        return root / path.lstrip("/")

    return Folder


@contextmanager
def sftp_server(root: Path, *, key: paramiko.PKey | None = None) -> Iterator[SftpServer]:
    """Yield a server that shows `root` to one user."""
    listener = socket.create_server(("127.0.0.1", 0))
    host_key = paramiko.ECDSAKey.generate()
    opened: list[str] = []
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                transport = paramiko.Transport(client)
                transports.append(transport)
                transport.add_server_key(host_key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _folder_of(root, opened))
                with suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=_Door(key))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield SftpServer(listener.getsockname()[1], f"{host_key.get_name()} {host_key.get_base64()}", opened)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)
    for transport in transports:
        transport.close()
