"""Writes each parcel as a file, whole or not at all, durably.

A file is written under a temporary name in its own folder, fsynced and renamed; then the folder is
fsynced, once for a batch. Names are made by us from ids, never from what a message says, so that no
message can choose where it lands. The same delivery sent again replaces its file. Knows nothing of
retries or the journal.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from channels.contract import Parcel, Receipt

__all__ = ["FolderSender", "file_name", "subfolder"]

_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_TYPE = re.compile(r"[^A-Z0-9_]+")
_WRITERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="folder")

_DONE = Receipt("done")


class FolderSender:
    """One lane of a folder channel: the root, or the address's folder inside it. Implements
    channels.contract.Sender."""

    def __init__(self, root: Path, address: str = "") -> None:
        """`root` is made where it is missing. An address that is not a plain word cannot be a folder's
        name: its parcels are `unsendable`."""
        self._root = root
        self._folder = subfolder(root, address)

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Receipt]:
        """Write the parcels; `done` only for those that are on disk under their names."""
        if self._folder is None:
            return [Receipt("unsendable", detail="the address cannot be the name of a folder")]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_WRITERS, _write_all, self._folder, tuple(parcels))

    async def close(self) -> None:
        """Nothing is held between batches."""


def file_name(parcel: Parcel) -> str:
    """Message id, delivery id and type, as `000000000012-000000000034-ORU_R01.hl7`: sorted by name, files
    stand in the order of acceptance."""
    kind = _TYPE.sub("_", parcel.type.upper()).strip("_")[:24]
    return f"{parcel.message:012d}-{parcel.delivery:012d}{'-' + kind if kind else ''}.hl7"


def subfolder(root: Path, address: str) -> Path | None:
    """The folder of an address inside the root; None where the address is not a plain word."""
    if not address:
        return root
    return root / address if _ADDRESS.match(address) else None


def _write_all(folder: Path, parcels: Sequence[Parcel]) -> list[Receipt]:
    """Runs in a thread. Stops at the first file that could not be written."""
    failed: Receipt | None = None
    written = 0
    try:
        _make(folder)
        for parcel in parcels:
            _write(folder, file_name(parcel), parcel.body)
            written += 1
    except OSError as error:
        failed = _failure(error)
    if written:
        try:
            _sync_folder(folder)
        except OSError as error:
            return [_failure(error)]  # none of the names is sure to last
    return [_DONE] * written + ([failed] if failed else [])


def _failure(error: OSError) -> Receipt:
    return Receipt("failed", detail=os.strerror(error.errno) if error.errno else "cannot write")


def _make(folder: Path) -> None:
    """Make the folder, and make each new name in the path last."""
    missing: list[Path] = []
    at = folder
    while not at.exists():
        missing.append(at)
        at = at.parent
    for new in reversed(missing):
        new.mkdir(mode=0o750, exist_ok=True)
        _sync_folder(new.parent)


def _write(folder: Path, name: str, body: bytes) -> None:
    temporary = folder / f".{name}.part"
    try:
        # For the owner and the group only, and never through a link that somebody put there.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(temporary, flags, 0o640), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / name)
    except OSError:
        with suppress(OSError):  # the first error is the one to tell
            temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
