"""A folder that changes is noticed once, and only when it stands still."""

from __future__ import annotations

import os
import time
from pathlib import Path

from engine.site.watching import Settling, snapshot

SMALL = {"a": (1, 1, 1)}
LARGE = {"a": (2, 2, 1)}
LARGER = {"a": (3, 3, 1)}


def site_in(folder: Path) -> Path:
    (folder / "routes").mkdir(parents=True)
    for name in ("gatepost.yaml", "feeds.yaml", "channels.yaml", "routes/a.yaml"):
        (folder / name).write_text("x")
    return folder


def test_a_change_is_told_once_it_has_stood_still() -> None:
    settling = Settling(1.0)

    assert not settling.look(0.0, SMALL, SMALL)
    assert not settling.look(1.0, SMALL, LARGE)
    assert settling.moving
    assert not settling.look(1.9, SMALL, LARGE)
    assert settling.look(2.0, SMALL, LARGE)
    assert not settling.moving


def test_while_it_goes_on_changing_nothing_is_told() -> None:
    settling = Settling(1.0)

    for at in range(10):
        assert not settling.look(at * 0.9, SMALL, {"a": (at + 2, 0, 0)})
    assert settling.look(20.0, SMALL, {"a": (11, 0, 0)})


def test_a_change_that_is_taken_back_is_none() -> None:
    settling = Settling(1.0)

    assert not settling.look(0.0, SMALL, LARGE)
    assert not settling.look(0.5, SMALL, SMALL)
    assert not settling.look(0.6, SMALL, LARGE)
    assert not settling.look(1.5, SMALL, LARGE)
    assert settling.look(1.6, SMALL, LARGE)


def test_the_same_state_is_not_told_again_once_it_is_known() -> None:
    settling = Settling(1.0)
    settling.look(0.0, SMALL, LARGE)
    assert settling.look(1.0, SMALL, LARGE)

    assert not any(settling.look(at, LARGE, LARGE) for at in (2.0, 4.0, 8.0))
    assert not settling.look(9.0, LARGE, LARGER)
    assert settling.look(10.0, LARGE, LARGER)


def test_what_an_editor_does_to_save_is_seen(tmp_path: Path) -> None:
    folder = site_in(tmp_path / "site")
    before = snapshot(folder)
    assert snapshot(folder) == before

    aside = tmp_path / "aside"
    aside.write_text("x")
    aside.replace(folder / "routes" / "a.yaml")  # the same content and size in another file
    replaced = snapshot(folder)
    assert replaced != before

    (folder / "routes" / "b.yaml").write_text("x")
    added = snapshot(folder)
    assert added != replaced
    (folder / "routes" / "b.yaml").unlink()
    assert snapshot(folder) == replaced


def test_what_editors_leave_behind_does_not_count(tmp_path: Path) -> None:
    folder = site_in(tmp_path / "site")
    before = snapshot(folder)

    for name in ("routes/.a.yaml.swp", "routes/a.yaml~", "notes.txt", ".DS_Store"):
        (folder / name).write_text("x")
    assert snapshot(folder) == before


def test_files_beside_the_site_count_too(tmp_path: Path) -> None:
    folder = site_in(tmp_path / "site")
    secret = tmp_path / "secret"
    before = snapshot(folder, [secret])
    secret.write_text("word")

    assert snapshot(folder, [secret]) != before
    assert snapshot(folder) == before


def test_while_git_is_at_work_nothing_is_told_unless_its_lock_was_left_behind(tmp_path: Path) -> None:
    folder = site_in(tmp_path / "repository" / "site")
    known = snapshot(folder)
    lock = tmp_path / "repository" / ".git" / "index.lock"
    lock.parent.mkdir()
    (folder / "routes" / "a.yaml").write_text("changed")
    lock.touch()
    settling = Settling(1.0)

    assert not any(settling.look(at, known, snapshot(folder)) for at in (0.0, 2.0, 4.0))
    long_ago = time.time() - 3600
    os.utime(lock, (long_ago, long_ago))
    assert not settling.look(5.0, known, snapshot(folder))
    assert settling.look(6.0, known, snapshot(folder))
