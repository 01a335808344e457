"""A site folder's files are read as they are, and nothing is ignored in silence or read from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site.files import read_folder
from routes.language.problems import Problems


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("gatepost.yaml", "feeds.yaml", "channels.yaml"):
        (folder / name).write_text("x: 1\n", encoding="utf-8")
    for room in ("routes", "tables"):
        (folder / room).mkdir()
    return folder


def rules(site: Path) -> dict[str, str]:
    """The rule of each problem, by the file that it names."""
    problems = Problems()
    read_folder(site, problems)
    return {problem.spot.file: problem.rule for problem in problems.in_order()}


def test_every_file_is_found_under_its_path_in_the_site(site: Path) -> None:
    (site / "routes" / "a.yaml").write_text("route: a\n", encoding="utf-8")
    (site / "tables" / "t.csv").write_text("k,v\n", encoding="utf-8")

    files = read_folder(site, Problems())

    assert files is not None
    assert set(files.texts) == {
        "gatepost.yaml", "feeds.yaml", "channels.yaml", "routes/a.yaml", "tables/t.csv",
    }  # fmt: skip
    assert files.sources() == {"routes/a.yaml": "route: a\n", "tables/t.csv": "k,v\n"}
    assert rules(site) == {}


def test_a_folder_that_is_no_site_says_how_to_make_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        problems = Problems()
        assert read_folder(folder, problems) is None
        assert "gatepost init" in problems.in_order()[0].message


def test_a_link_that_leads_out_of_the_site_is_refused(site: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("route: a\n", encoding="utf-8")
    (site / "routes" / "a.yaml").symlink_to(outside)

    assert rules(site) == {"routes/a.yaml": "link-out"}


def test_a_link_inside_the_site_is_followed(site: Path) -> None:
    (site / "routes" / "a.yaml").symlink_to(site / "feeds.yaml")

    assert rules(site) == {}


def test_bytes_that_are_not_utf_8_are_shown_where_they_stand(site: Path) -> None:
    (site / "tables" / "t.csv").write_bytes("key,name\nA,Zoë".encode() + b"\nB,Zo\xeb\n")
    problems = Problems()
    read_folder(site, problems)
    [problem] = problems.in_order()

    assert (problem.rule, problem.spot.line, problem.spot.column) == ("not-utf-8", 3, 5)


def test_a_file_of_another_kind_is_not_ignored_in_silence(site: Path) -> None:
    (site / "routes" / "a.yml").write_text("route: a\n", encoding="utf-8")
    (site / "tables" / "t.xlsx").write_bytes(b"PK")
    (site / "feed.yaml").write_text("feeds: {}\n", encoding="utf-8")

    assert rules(site) == dict.fromkeys(("routes/a.yml", "tables/t.xlsx", "feed.yaml"), "stray-file")


def test_what_editors_leave_behind_and_other_files_beside_are_let_be(site: Path) -> None:
    for name in (".git", "samples", "var"):
        (site / name).mkdir()
    for name in ("routes/.a.yaml.swp", "routes/a.yaml~", "README.md"):
        (site / name).write_text("x", encoding="utf-8")

    assert rules(site) == {}


def test_a_missing_file_is_named(site: Path) -> None:
    (site / "channels.yaml").unlink()

    assert rules(site) == {"channels.yaml": "missing-file"}


def test_profiles_are_read(site: Path) -> None:
    (site / "profiles").mkdir()
    (site / "profiles" / "oru.yaml").write_text("profile: oru\n", encoding="utf-8")
    problems = Problems()
    files = read_folder(site, problems)

    assert files is not None
    assert "profiles/oru.yaml" in files.sources()


def test_a_file_beyond_all_measure_is_refused(site: Path) -> None:
    (site / "routes" / "a.yaml").write_bytes(b"#" * 1_000_001)

    assert rules(site) == {"routes/a.yaml": "too-large"}
