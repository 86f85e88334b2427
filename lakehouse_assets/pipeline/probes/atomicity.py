"""Whether one of two writers wins when both create the same object: without that, commits are lost without an error."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore

from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, error, fine, probe
from lakehouse_assets.storage.proof import UNSAFE_FIX, ask

_WRITERS = 8


@probe
def atomicity(installation: Installation) -> Iterator[Diagnosis]:
    """Ask the store now, whatever it proved before; a folder that is not there yet is not asked."""
    settings = installation.settings
    if not settings.is_local:
        contest = ask(settings.root, settings.storage_options)
        if contest.is_atomic:
            yield fine(contest.sentence, settings.root)
        else:
            what = f"commits to this store could be lost without an error: {contest.sentence}."
            yield error(what, where=settings.root, fix=UNSAFE_FIX)
    elif installation.folder is not None:
        yield _of_folder(installation.folder)


def _of_folder(folder: Path) -> Diagnosis:
    fix = "Put the lake on a local disk or into an object store; some network file systems cannot do this."
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as inner, ThreadPoolExecutor(_WRITERS) as pool:
            store = LocalStore(inner)
            winners = sum(pool.map(lambda _: _create(store), range(_WRITERS)))
    except (OSError, BaseError) as failed:
        return error(f"a file cannot be created so that only one writer wins ({failed}).", where=str(folder), fix=fix)
    if winners != 1:
        return error(f"{winners} of {_WRITERS} writers were told they created one file.", where=str(folder), fix=fix)
    return fine(f"one of {_WRITERS} writers created the file, the others were told", str(folder))


def _create(store: LocalStore) -> bool:
    try:
        obstore.put(store, "probe", b"", mode="create")
    except AlreadyExistsError:
        return False
    return True
