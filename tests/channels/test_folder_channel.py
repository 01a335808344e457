"""The folder channel: whole files, names of our own inside the root, one file for one delivery."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contract import Parcel
from channels.folder import FolderSender, file_name, subfolder


def files(folder: Path) -> list[Path]:
    """All files below a folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def parcel(delivery: int = 1, body: bytes = b"MSH|", **values: str) -> Parcel:
    return Parcel(
        delivery,
        delivery * 10,
        "archive",
        values.get("address", ""),
        body,
        b"C",
        type=values.get("type", "ORU^R01"),
    )


async def test_each_parcel_becomes_one_file_with_its_very_bytes(tmp_path: Path) -> None:
    sender = FolderSender(tmp_path / "archive" / "deep")
    receipts = await sender.send([parcel(1, b"one\r"), parcel(2, b"\xff\x00two")])
    assert [receipt.kind for receipt in receipts] == ["done", "done"]
    found = files(tmp_path)
    assert {file.parent for file in found} == {tmp_path / "archive" / "deep"}
    assert [file.name for file in found] == [
        "000000000010-000000000001-ORU_R01.hl7",
        "000000000020-000000000002-ORU_R01.hl7",
    ]
    assert [file.read_bytes() for file in found] == [b"one\r", b"\xff\x00two"]
    await sender.close()


async def test_the_same_delivery_again_replaces_its_file(tmp_path: Path) -> None:
    sender = FolderSender(tmp_path)
    await sender.send([parcel(7, b"once")])
    await sender.send([parcel(7, b"once")])
    assert [file.read_bytes() for file in files(tmp_path)] == [b"once"]


async def test_an_address_is_a_folder_of_its_own(tmp_path: Path) -> None:
    await FolderSender(tmp_path, "Y06601").send([parcel()])
    assert [file.parent.name for file in files(tmp_path)] == ["Y06601"]


@pytest.mark.parametrize("address", ["..", "../x", "a/b", "/etc", ".hidden", "a\0b", "a\n", "x" * 65, "ä"])
async def test_an_address_that_is_no_plain_word_is_unsendable(tmp_path: Path, address: str) -> None:
    (receipt,) = await FolderSender(tmp_path, address).send([parcel()])
    assert receipt.kind == "unsendable"
    assert files(tmp_path) == []


@given(type_=st.text(), address=st.text())
def test_no_type_and_no_address_leads_out_of_the_root(type_: str, address: str) -> None:
    root = Path("/archive")
    name = file_name(parcel(type=type_))
    assert name.isascii()
    assert len(name) < 80
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.hl")
    folder = subfolder(root, address)
    assert folder is None or folder == root or folder.parent == root
    assert (root / name).parent == root


async def test_what_stands_before_a_failure_is_done_and_the_rest_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def full(self: Path, target: Path) -> Path:
        if "000000000002" in self.name:
            raise OSError(errno.ENOSPC, "full")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    receipts = await FolderSender(tmp_path).send([parcel(1), parcel(2), parcel(3)])
    assert [receipt.kind for receipt in receipts] == ["done", "failed"]
    assert receipts[1].detail == os.strerror(errno.ENOSPC)
    assert [file.name for file in files(tmp_path)] == [file_name(parcel(1))]


async def test_nothing_is_done_where_the_folder_itself_could_not_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def failing(descriptor: int) -> None:
        if is_folder(descriptor):
            raise OSError(errno.EIO, "broken")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    receipts = await FolderSender(tmp_path).send([parcel(1), parcel(2)])
    assert [receipt.kind for receipt in receipts] == ["failed"]


async def test_a_batch_costs_one_sync_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, synced = os.fsync, []

    def counting(descriptor: int) -> None:
        synced.append(is_folder(descriptor))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counting)
    await FolderSender(tmp_path).send([parcel(n) for n in range(1, 11)])
    assert (synced.count(False), synced.count(True)) == (10, 1)


async def test_a_link_laid_in_the_way_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    root = tmp_path / "root"
    root.mkdir()
    (root / f".{file_name(parcel(1))}.part").symlink_to(outside)
    (receipt,) = await FolderSender(root).send([parcel(1)])
    assert receipt.kind == "failed"
    assert outside.read_bytes() == b"mine"
