"""`gatepost reload` and `gatepost status` tell an operator what became of a changed site."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from bench.engine import free_port
from engine.cli import main
from tests.system_sites import engine_on, passthrough, write


def gatepost(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"TZ": "UTC"})


def test_a_running_engine_takes_what_is_good_and_refuses_what_is_not(tmp_path: Path) -> None:
    site = passthrough(tmp_path / "site", free_port())
    data = str(tmp_path / "data")
    settings = (site / "gatepost.yaml").read_text()
    route = (site / "routes" / "all.yaml").read_text()
    write(site, {"gatepost.yaml": settings.replace("data: data", f"data: {data}") + "watch: no\n"})
    with engine_on(site):
        unchanged = gatepost("reload", str(site))
        assert unchanged.exit_code == 0
        assert unchanged.output.startswith("✓ Nothing has changed. In force: ")

        write(site, {"routes/all.yaml": route.replace("as it came", "as it is")})
        taken = gatepost("reload", str(site))
        assert taken.exit_code == 0, taken.output
        lines = taken.output.splitlines()
        assert lines[0] == "  routes/all.yaml: changed"
        assert lines[1].startswith("✓ In force: ")
        told = json.loads(gatepost("reload", str(site), "--json").output)
        assert told["ok"]
        assert told["config"] in lines[1]

        write(site, {"routes/all.yaml": route.replace("send:", "snd:")})
        refused = gatepost("reload", str(site))
        assert refused.exit_code == 1
        assert 'routes/all.yaml:5:1: "snd" is not a key of a route' in refused.output
        assert (
            refused.output.splitlines()[-1] == f"✗ Refused: nothing has changed. In force: {told['config']}."
        )

        status = gatepost("status", str(site))
        assert status.exit_code == 0
        words = " ".join(status.output.split())
        assert "Configuration refused at " in words
        assert f"1 problem, running with {told['config']}. The first: routes/all.yaml:" in words

        write(site, {"routes/all.yaml": route})
        assert gatepost("reload", str(site)).exit_code == 0
        assert "refused at" not in gatepost("status", str(site)).output
        asked = json.loads(gatepost("status", str(site), "--json").output)["configuration"]
        assert asked["refused"] is None
        assert asked["watch"] is False


def test_without_an_engine_it_says_how_to_start_one(tmp_path: Path) -> None:
    site = passthrough(tmp_path / "site", 2575)
    result = gatepost("reload", str(site))

    assert result.exit_code == 1
    assert f"Start it with: gatepost run {site}" in result.stderr


def test_a_folder_that_is_no_site_is_refused_with_the_remedy(tmp_path: Path) -> None:
    result = gatepost("reload", str(tmp_path))

    assert result.exit_code == 1
    assert "gatepost init" in result.stderr
