"""A site's data folder is found while the site itself cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site import data_folder
from engine.site.data_folder import TrayKeeper, find_data_folder, find_trays
from engine.site.loading import load_site
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


GATEPOST = (
    "site: a\ndata: var/here\n",
    "# first\n\nsite: a\ndata:   /srv/gatepost # there\n",
    "site: a\r\ndata: var/here\r\n",
    "site: a\ndata: 'var/quoted'\n",
    'site: a\ndata: "var/ö"\n',
    "site: a\ndata: var/with space\n",
    "site: a\ndata: a#b\n",
    "site: a\ndata: >-\n  var/folded\n",
    "{site: a,\ndata: var/flow\n}\n",
    "site: |\n  data: var/text\nbroker: embedded\n",
    "site: a\ntrays:\n  data: {owner: somebody}\n",
    "site: a\ndatabase: none\ndata: var/here\n",
    "site: a\ndata : var/spaced\n",
    "\ufeffsite: a\ndata: var/here\n",
    "site: a\ndata: ~\n",
    "site: a\ndata:\n",
    "site: a\n",
)


@pytest.mark.parametrize(
    "layer", ["", "data: /srv/live\n", "channels:\n  a:\n    data: b\n", "data: '/srv/x'\n"]
)
@pytest.mark.parametrize("text", GATEPOST)
def test_a_glance_finds_what_the_reader_of_yaml_finds(
    tmp_path: Path, text: str, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = passthrough(tmp_path / "site", 2575)
    write(site, {"gatepost.yaml": text, "environments/live.yaml": layer or "live: no\n"})
    found = find_data_folder(site), find_data_folder(site, "live")
    monkeypatch.setattr(data_folder, "_glance", lambda _folder, _environment: "")

    assert found == (find_data_folder(site), find_data_folder(site, "live"))


@pytest.mark.parametrize(
    "trays",
    [
        "trays:\n  a: {owner: The registry, open_to: [guardian, doctor]}\n  b: {open_to: guardian}\n",
        "trays:\n  a:\n    open_to:\n      - guardian\n    owner: 'x y'\n",
        "",
    ],
)
def test_trays_are_found_as_the_loaded_site_has_them(trays: str, tmp_path: Path) -> None:
    over = "trays: {a: {owner: somebody else}}\n"
    site = passthrough(tmp_path / "site", 2575, extra={"environments/live.yaml": over})
    with (site / "gatepost.yaml").open("a", encoding="utf-8") as file:
        file.write(trays)

    for environment in ("", "live"):
        loaded, problems = load_site(site, environment)
        assert loaded is not None, problems
        assert loaded.plan.origin is not None
        theirs = loaded.plan.origin.settings.trays
        assert find_trays(site, environment) == {
            name: TrayKeeper(fact.owner, fact.open_to) for name, fact in theirs.items()
        }


def test_where_gatepost_yaml_cannot_be_read_no_tray_is_known(tmp_path: Path) -> None:
    site = passthrough(tmp_path / "site", 2575)
    for text in ("site: [", "trays: [a]\n", "- list\n", "trays:\n"):
        write(site, {"gatepost.yaml": text})
        assert find_trays(site) == {}
    assert find_trays(tmp_path / "nowhere") == {}
