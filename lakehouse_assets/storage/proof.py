"""No table is written in an object store that has not proven that one of two writers wins; a disk needs no proof.

The proof is remembered in this process and beside the data, so that runs do not pay for it each time
(see `docs/adr/0014-stores-must-prove-atomic-creation.md`). The question itself is asked in `stalled_put`.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import obstore

from lakehouse_assets.engines.stores import open_store
from lakehouse_assets.errors import StorageError, UnsafeStoreError
from lakehouse_assets.naming import PROOF_FILE
from lakehouse_assets.storage.objects import Objects, translated
from lakehouse_assets.storage.stalled_put import Contest, contest

PROVEN_FOR = timedelta(days=7)
SCHEMES = frozenset({"s3", "s3a"})
_CONTESTS = 3
UNSAFE_FIX = (
    "Use a store with atomic conditional PUT, and no proxy before it that drops `If-None-Match`; "
    "then `lakehouse doctor` says so."
)
# Of this process: by endpoint and bucket, when it was proven.
proven: dict[str, datetime] = {}


def require_atomic(root: str, options: Mapping[str, str]) -> None:
    """Raise UnsafeStoreError unless `root` lies on a disk or in a store with a proof that is not too old."""
    if "://" not in root:
        return
    address, now = _address(root, options), datetime.now(UTC)
    if _is_fresh(proven.get(address), now):
        return
    objects = Objects(root, options)
    remembered = _remembered(objects, address)
    if not _is_fresh(remembered, now):
        found = ask(root, options)
        if not found.is_atomic:
            raise UnsafeStoreError(
                f"commits to this store could be lost without an error: {found.sentence}.", where=root, fix=UNSAFE_FIX
            )
        remembered = now
        objects.write(PROOF_FILE, json.dumps({"store": address, "provenAt": now.isoformat()}).encode())
    proven[address] = remembered or now


def ask(root: str, options: Mapping[str, str]) -> Contest:
    """Ask a store now, whatever is remembered; a store that fails the question loses its proof.

    Raises StorageError when it gives no answer.
    """
    address = _address(root, options)
    for _ in range(_CONTESTS - 1):
        try:
            found = contest(root, options)
        except StorageError:
            # A store may be busy; what it says at last counts.
            continue
        if found.is_decided:
            break
    else:
        found = contest(root, options)
    if not found.is_atomic:
        proven.pop(address, None)
        Objects(root, options).delete([PROOF_FILE])
    return found


def _is_fresh(proven_at: datetime | None, now: datetime) -> bool:
    return proven_at is not None and timedelta() <= now - proven_at < PROVEN_FOR


def _remembered(objects: Objects, address: str) -> datetime | None:
    # A lake that was copied elsewhere brings its file along, and a file that cannot be read proves nothing.
    try:
        said = json.loads(objects.read(PROOF_FILE) or b"{}")
        return datetime.fromisoformat(said["provenAt"]) if said["store"] == address else None
    except (ValueError, KeyError, TypeError):
        return None


def _address(root: str, options: Mapping[str, str]) -> str:
    """Return endpoint and bucket as requests will name them, with what the environment adds to the options."""
    parts = urlsplit(root)
    if parts.scheme not in SCHEMES:
        raise UnsafeStoreError(
            f"a lake cannot be written to {parts.scheme}://: nobody can ask this kind of store whether one of two "
            "writers wins.",
            where=root,
            fix="Use a folder or s3://bucket/prefix.",
        )
    with translated(root):
        store = open_store(f"{parts.scheme}://{parts.netloc}", options)
        signed = urlsplit(obstore.sign(store, "GET", PROOF_FILE, timedelta(minutes=1)))
    return urlunsplit((signed.scheme, signed.netloc, signed.path.removesuffix(PROOF_FILE), "", ""))
