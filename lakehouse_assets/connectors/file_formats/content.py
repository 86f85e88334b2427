"""What the bytes of an object are: their hash, compression and encoding, ending in UTF-8 text that Polars can scan.

What belongs here: everything before the first record. What does not: records and columns (`csv_*`).
Small objects are held in memory; larger ones are read in place (local, plain UTF-8) or copied to a nameless
temporary file that lives exactly as long as the frame that reads it.
"""

import codecs
import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Self

import zstandard

from lakehouse_assets.connectors.file_formats.locations import CHUNK_BYTES, Entry, Location, changed
from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import SourceObject

IN_MEMORY_BYTES = 4 << 20
_HASHED_BYTES = 1 << 18
_MARK_BYTES = 4
SMALL_BYTES = 64 << 20
# So little is inflated at once that a bomb is noticed before it fills the memory.
_INFLATED_BYTES = 1 << 14
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_INFLATERS: Mapping[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
}
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class Text:
    """UTF-8 bytes that can be read again and again: in memory, or an open file left at position 0."""

    source: bytes | BinaryIO
    size: int

    def chunks(self, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to `end`."""
        stop = self.size if end is None else end
        while start < stop:
            chunk = self.slice(start, min(start + CHUNK_BYTES, stop))
            if not chunk:
                return
            yield chunk
            start += len(chunk)

    def slice(self, start: int, end: int) -> bytes:
        """Return some bytes without moving the file's position, which Polars starts from."""
        if isinstance(self.source, bytes):
            return self.source[start:end]
        return os.pread(self.source.fileno(), end - start, start)

    def close(self) -> None:
        """Let go of the file; frames that Polars has begun to scan keep their own descriptor."""
        if not isinstance(self.source, bytes):
            self.source.close()


@dataclass(frozen=True, slots=True)
class Content:
    """One object opened: its text, its identity and what was done to it. `where` is for messages."""

    text: Text
    object: SourceObject
    where: str
    warnings: tuple[str, ...] = ()
    confirm: Callable[[], None] | None = None


class Spool:
    """Collects bytes: in memory while they are few, then in a file that has lost its name already."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files or ():
            file.close()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self.size += len(data)
        self._parts.append(data)
        if self.size > IN_MEMORY_BYTES:
            self._files = self._files or nameless_file()
            self._files[0].writelines(self._parts)
            self._parts.clear()

    def finish(self) -> Text:
        """Return what was written; the caller closes it."""
        if self._files is None:
            return Text(b"".join(self._parts), self.size)
        writer, reader = self._files
        writer.close()
        self._files = None
        return Text(reader, self.size)


def open_content(location: Location, entry: Entry, read: ReadOptions) -> Content:
    """Open an object as UTF-8 text; raise SourceError when that cannot be done without losing anything."""
    where = f"{location.name}/{entry.path}"
    in_place = _in_place(location, entry, read)
    if in_place is not None:
        return _pinned(location, in_place, entry)
    digest = hashlib.sha256()
    stream, head = _peek(counted(location.read(entry), entry, digest, where))
    stream, warnings = _decompressed(stream, head, read, where)
    stream, head = _peek(stream)
    stream, decoded = _decoded(stream, head, read, where)
    with Spool() as spool:
        for chunk in stream:
            spool.write(chunk)
            refuse_bomb(spool.size, entry.size, max_expansion=read.max_expansion, where=where)
        text = spool.finish()
    done = SourceObject(entry.path, entry.size, digest.hexdigest())
    return Content(text, done, where, (*warnings, *decoded))


def sha256_of(file: BinaryIO) -> str:
    """Return the hash of an open file without moving its position."""
    digest, buffer, position = hashlib.sha256(), bytearray(_HASHED_BYTES), 0
    while count := os.preadv(file.fileno(), [buffer], position):
        digest.update(memoryview(buffer)[:count])
        position += count
    return digest.hexdigest()


def _in_place(location: Location, entry: Entry, read: ReadOptions) -> BinaryIO | None:
    if entry.size <= IN_MEMORY_BYTES or not _is_utf8(read.encoding):
        return None
    file = location.handle(entry)
    if file is None:
        return None
    head = os.pread(file.fileno(), 4, 0)
    if _compression(head) or head[:2] in _UTF16:
        file.close()
        return None
    return file


def _pinned(location: Location, file: BinaryIO, entry: Entry) -> Content:
    where = f"{location.name}/{entry.path}"

    def confirm() -> None:
        if location.find(entry.path) != entry:
            raise changed(where)

    return Content(Text(file, entry.size), SourceObject(entry.path, entry.size, ""), where, confirm=confirm)


def counted(chunks: Iterator[bytes], entry: Entry, digest: "hashlib._Hash", where: str) -> Iterator[bytes]:
    """Yield chunks of an object and add them to `digest`; raise SourceError when it is not as long as it was listed."""
    size = 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    if size != entry.size:
        raise changed(where)


def _peek(chunks: Iterator[bytes]) -> tuple[Iterator[bytes], bytes]:
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= _MARK_BYTES:
            break
    return chain([first], chunks), first[:_MARK_BYTES]


def _compression(head: bytes) -> str | None:
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def _decompressed(
    chunks: Iterator[bytes], head: bytes, read: ReadOptions, where: str
) -> tuple[Iterator[bytes], tuple[str, ...]]:
    name = _compression(head)
    if name is None:
        return chunks, ()
    if name not in read.compression:
        raise SourceError(
            "compression",
            f"the content is compressed with {name}.",
            where=where,
            fix=f"Allow it: `compression: [{name}]`.",
        )
    return _inflate(chunks, name, where), ()


def _inflate(chunks: Iterator[bytes], name: str, where: str) -> Iterator[bytes]:
    fresh = _INFLATERS[name]
    member, started = fresh(), False
    try:
        for part in _slices(chunks):
            data = part
            while data:
                if member.eof:
                    member = fresh()
                started = True
                yield member.decompress(data)
                data = member.unused_data
    except (zlib.error, zstandard.ZstdError) as error:
        raise _broken(name, where) from error
    if started and not member.eof:
        raise _broken(name, where)


def _slices(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _INFLATED_BYTES):
            yield chunk[start : start + _INFLATED_BYTES]


def _broken(name: str, where: str) -> SourceError:
    return SourceError(
        "truncated", f"the {name} stream is damaged or cut off.", where=where, fix="Ask for the file again."
    )


def _decoded(
    chunks: Iterator[bytes], head: bytes, read: ReadOptions, where: str
) -> tuple[Iterator[bytes], tuple[str, ...]]:
    detected = _UTF16.get(head[:2])
    if detected is None and _is_utf8(read.encoding):
        return chunks, ()
    warnings = (f"encoding: read as {detected}, not as the declared {read.encoding}",) if detected else ()
    return _transcoded(chunks, detected or read.encoding, where), warnings


def _transcoded(chunks: Iterator[bytes], encoding: str, where: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    position = 0
    for chunk in chain(chunks, [b""]):
        pending = len(decoder.getstate()[0])
        try:
            yield decoder.decode(chunk, final=not chunk).encode()
        except UnicodeError as error:
            start = position - pending + getattr(error, "start", 0)
            raise bad_encoding(encoding, start, where) from error
        position += len(chunk)


def refuse_bomb(expanded: int, size: int, *, max_expansion: int, where: str) -> None:
    """Raise SourceError when content becomes far larger than the object that holds it."""
    if expanded > max(SMALL_BYTES, size * max_expansion):
        raise SourceError(
            "bomb",
            f"its {size} bytes become more than {max_expansion} times as many.",
            where=where,
            fix="Ask the sender; if the file is as it should be, raise `read.maxExpansion`.",
        )


def bad_encoding(encoding: str, position: int, where: str) -> SourceError:
    """Return the refusal of bytes that are no text in the declared encoding."""
    return SourceError(
        "encoding",
        f"the byte at offset {position} is not {encoding}.",
        where=where,
        fix="Ask for the file in the declared encoding, or correct `read.encoding`.",
    )


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def nameless_file() -> tuple[BinaryIO, BinaryIO]:
    """Return a new file twice, for writing and for reading; it is gone when nobody has it open any more."""
    # Polars keeps its own descriptor of a file opened for reading; without a name, nobody has to clean up.
    descriptor, name = tempfile.mkstemp(prefix="lakehouse-")
    path = Path(name)
    files = os.fdopen(descriptor, "wb"), path.open("rb")
    path.unlink()
    return files
