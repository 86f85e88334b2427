"""Files that code of others has to decode (Parquet, Excel) are decoded by another process, which may die of it.

What belongs here: starting that process, handing it open files, its limits, and what its death means.
What does not: what it does (`sandbox_process`). It has no environment of ours, so no secret, and it is told no name: it
gets one file to read and one to write, and gives back Parquet that it wrote itself. Only that is read here.
"""

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from lakehouse_assets.connectors.file_formats.content import nameless_file
from lakehouse_assets.errors import SourceError

_PROGRAM = "lakehouse_assets.connectors.file_formats.sandbox_process"
_LONGEST_ANSWER = 1 << 20
_SECONDS, _BYTES_PER_SECOND = 120, 2 << 20
_LEAST_MEMORY = 2 << 30
_CGROUP = Path("/sys/fs/cgroup/memory.max")


class Sandbox:
    """Decodes files one after the other in one process, which is started when the first one comes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def convert(self, task: Mapping[str, Any], source: BinaryIO, *, size: int, where: str) -> tuple[BinaryIO, Any]:
        """Return the file as Parquet, without a name, and what was found out about it.

        Raises SourceError for a file that cannot be decoded, whatever became of the process that tried.
        """
        writer, reader = nameless_file()
        with writer:
            try:
                answer = self._ask(task, source, writer, seconds=_SECONDS + size // _BYTES_PER_SECOND)
            except (TimeoutError, OSError, ValueError) as error:
                reader.close()
                raise self._died(error, where) from error
        if "code" in answer:
            reader.close()
            raise SourceError(answer["code"], answer["what"], where=where, fix=answer["fix"])
        return reader, answer

    def _ask(self, task: Mapping[str, Any], source: BinaryIO, writer: BinaryIO, *, seconds: float) -> dict[str, Any]:
        channel = self._channel or self._start()
        channel.settimeout(seconds)
        socket.send_fds(channel, [json.dumps(task).encode()], [source.fileno(), writer.fileno()])
        answer: dict[str, Any] = json.loads(channel.recv(_LONGEST_ANSWER))
        return answer

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
                [sys.executable, "-m", _PROGRAM, str(theirs.fileno()), str(_memory())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "LC_ALL": "C.UTF-8"},
            )
        self._channel = ours
        return ours

    def _died(self, error: Exception, where: str) -> SourceError:
        if isinstance(error, TimeoutError):
            how = "took too long"
        else:
            code = self._process.wait(10) if self._process and self._channel else None
            how = f"ended the process that tried ({code})"
        self._end()
        return SourceError(
            "damaged", f"decoding it {how}.", where=where, fix="Ask for the file again; nothing else was harmed."
        )

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._channel = None


def _memory() -> int:
    """Return the bytes the process may use: half of what this one may."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = _CGROUP.read_text(encoding="ascii").strip() if _CGROUP.exists() else ""
    limits = [whole, int(text)] if text.isdigit() else [whole]
    own = resource.getrlimit(resource.RLIMIT_AS)[0]
    limits += [own] if own != resource.RLIM_INFINITY else []
    return max(_LEAST_MEMORY, min(limits) // 2)
