"""A site's data folder is found while the site itself cannot be loaded."""

from __future__ import annotations

from pathlib import Path

from engine.site.data_folder import find_data_folder
from tests.system_sites import passthrough, write


def test_it_is_found_in_a_site_that_is_broken(tmp_path: Path) -> None:
    site = passthrough(tmp_path / "site", 2575, extra={"feeds.yaml": "feeds: [", "routes/all.yaml": "::"})

    assert find_data_folder(site) == site / "data"


def test_an_environment_lies_over_it_and_the_default_is_the_sites_own(tmp_path: Path) -> None:
    site = passthrough(tmp_path / "site", 2575, extra={"environments/live.yaml": "data: /srv/live\n"})
    assert find_data_folder(site, "live") == Path("/srv/live")

    write(
        site, {"gatepost.yaml": "site: passthrough\nnonsense: yes\n", "environments/test.yaml": "live: no\n"}
    )
    assert find_data_folder(site, "test") == site / "var"


def test_where_it_cannot_be_known_nothing_is_guessed(tmp_path: Path) -> None:
    site = passthrough(tmp_path / "site", 2575)

    assert find_data_folder(tmp_path / "nowhere") is None
    assert find_data_folder(site, "unknown") is None
    for text in ("site: [", "data: [a]\n", "- list\n"):
        write(site, {"gatepost.yaml": text})
        assert find_data_folder(site) is None
