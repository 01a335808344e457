"""The commands of repair as somebody types them, with the engine stopped: they own the journal themselves."""

from __future__ import annotations

import getpass
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.journal.reading import JournalReader
from tests.engine.journal.journal_rig import counters_agree
from tests.engine.past_rig import edit
from tests.engine.repair_rig import DAY, a_site, result, work

NAME = "TREVOSE"


def now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Held: two without an NHS number, one without an address, one restricted."""
    folder = a_site(tmp_path)
    work(
        folder,
        result("1", nhs=""),
        result("2", nhs=""),
        result("3", practice="Z99999"),
        result("4", name=NAME),
        at=now(),
    )
    return folder


def gatepost(*words: object, status: int = 0, answer: str | None = None) -> Result:
    done = CliRunner().invoke(main, [str(word) for word in words], input=answer, catch_exceptions=False)
    assert done.exit_code == status, done.output
    assert NAME not in done.output
    return done


def audit(site: Path) -> list[dict[str, object]]:
    done = gatepost("audit", site, "--json")
    return [json.loads(line) for line in done.output.splitlines()]


def test_trays_are_shown_with_what_waits_and_whose_they_are(site: Path) -> None:
    shown = gatepost("held", site).output
    assert "no_nhs_number" in shown
    assert "caldicott@example.nhs.uk" in shown
    trays = {
        line["tray"]: line for line in map(json.loads, gatepost("held", site, "--json").output.splitlines())
    }
    assert {name: tray["count"] for name, tray in trays.items()} == {
        "no_nhs_number": 2, "restricted": 1, "unknown_address": 1,
    }  # fmt: skip
    assert trays["restricted"]["open_to"] == ["guardian"]


def test_a_tray_is_listed_with_the_ids_that_release_knows(site: Path) -> None:
    listed = gatepost("held", site, "--tray", "no_nhs_number", "--json").output.splitlines()
    assert [json.loads(line)["id"] for line in listed] == ["H1", "H2"]
    by_number = gatepost("held", site, "--nhs", "999 000 0018", "--json", status=1)
    assert [json.loads(line)["id"] for line in by_number.stdout.splitlines()] == ["H3"]
    assert "open to guardian only" in by_number.stderr


def test_a_closed_tray_is_not_listed_without_its_role(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.cli.roles.os.getuid", lambda: 4711)
    monkeypatch.setattr("engine.cli.roles.os.getgroups", list)
    monkeypatch.setenv("LOGNAME", "ann")
    refused = gatepost("held", site, "--tray", "restricted", status=1)
    assert "open to guardian only" in refused.stderr
    gatepost("held", site, "--tray", "restricted", "--role", "guardian", status=1)
    claimed = gatepost("release", "H4", site, "--role", "guardian", "--why", "x", "--yes", status=2)
    assert 'not in the group "guardian"' in claimed.output
    monkeypatch.setattr("engine.cli.roles.os.getgroups", lambda: [1])
    monkeypatch.setattr(
        "engine.cli.roles.grp.getgrgid", lambda _id: type("Group", (), {"gr_name": "guardian"})
    )
    gatepost("release", "H4", site, "--role", "guardian", "--why", "seen", "--yes")


def test_a_closed_tray_stays_closed_while_a_route_of_the_site_is_wrong(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.roles.os.getuid", lambda: 4711)
    (site / "routes" / "wrong.yaml").write_text("route: [", encoding="utf-8")

    refused = gatepost("held", site, "--tray", "restricted", status=1)

    assert "open to guardian only" in refused.stderr


def test_a_preview_changes_nothing(site: Path) -> None:
    shown = gatepost("release", "--tray", "no_nhs_number", site, "--preview").output
    assert "gp Y06601, archive" in shown
    assert "To release: 2" in shown
    gatepost("audit", site, status=1)


def test_a_release_is_shown_asked_for_done_and_audited(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("release", "--tray", "no_nhs_number", site)
    assert "give --yes" in gatepost(*words, "--why", "asked", status=2).output
    assert "Say why with --why" in gatepost(*words, "--yes", status=2).output
    monkeypatch.setattr("engine.cli.repairing.can_be_asked", lambda: True)
    assert "Nothing was done." in gatepost(*words, "--why", "asked", answer="n\n", status=1).stderr
    done = gatepost(*words, "--why", "asked", answer="y\n")
    assert "2 released by" in done.output
    assert [(line["who"], line["what"], line["why"]) for line in audit(site)] == [
        (getpass.getuser(), "release", "asked")
    ] * 2
    assert counters_agree(site.parent / "data")
    shown = gatepost("show", "1", site).output
    assert "Done by people" in shown
    assert "released" in shown


def test_what_stays_is_named_with_its_reason(site: Path) -> None:
    done = gatepost("release", "3", "H99", site, "--why", "x", "--yes", status=1)
    assert "H3 of message 3: it would be held again, in tray unknown_address" in done.stderr
    assert "H99: there is none of this number" in done.stderr
    gatepost("release", "H3", site, "--address", "Y06602", "--why", "x", "--yes")


def test_old_messages_are_not_let_go_by_accident(site: Path, tmp_path: Path) -> None:
    old = a_site(tmp_path / "old")
    work(old, result("1", nhs=""), at=now() - 4 * 366 * DAY)
    refused = gatepost("release", "H1", old, "--why", "x", "--yes", status=1)
    assert "Nothing was done. This is 4 years old." in refused.stderr
    gatepost("audit", old, status=1)
    gatepost("release", "H1", old, "--why", "x", "--yes", "--old")
    edit(site / "gatepost.yaml", "older_than: 30d", "older_than: 1ms")
    refused = gatepost("release", "--tray", "no_nhs_number", site, "--why", "x", "--yes", status=1)
    assert "These are up to 0 minutes old." in refused.stderr
    gatepost("discard", "--tray", "no_nhs_number", site, "--why", "x", "--yes")


def test_copies_are_sent_again_and_elsewhere(site: Path) -> None:
    gatepost("release", "H1", site, "--why", "x", "--yes")
    sent_again = gatepost("resend", "1", site, "--why", "x", "--yes", status=1)
    assert "nothing of this waits" in sent_again.stderr
    with JournalReader(site.parent / "data") as reader:
        story = reader.show(1)
        assert story is not None
        copy = next(one.id for one in story.deliveries if one.channel == "gp")
    one_copy = gatepost("resend", f"C{copy}", site, "--why", "x", "--yes", status=1)
    assert f"C{copy} of message 1" in one_copy.stderr, "it has not gone out yet"
    assert "no copy C999" in gatepost("resend", "C999", site, "--why", "x", "--yes", status=1).stderr
    assert "Say where to" in gatepost("redirect", f"C{copy}", site, "--why", "x", "--yes", status=2).output
    done = gatepost("redirect", f"C{copy}", site, "--address", "y9", "--why", "x", "--yes", status=1)
    assert "y9 is not in practices" in done.stderr
    gatepost("redirect", f"C{copy}", site, "--address", "Y06602", "--why", "x", "--yes", "--who", "Iris")
    assert audit(site)[-1]["who"] == "Iris"
    assert audit(site)[-1]["detail"] == f"copy {copy}, waiting, now withdrawn, to gp Y06602"


def test_wrong_ids_and_questions_are_wrong_use(site: Path) -> None:
    assert "is no id" in gatepost("release", "H1", "X2", site, status=2).output
    assert "Say what" in gatepost("discard", site, status=2).output
    assert "not both" in gatepost("discard", site, "--tray", "a", "--practice", "b", status=2).output
    assert "has no copy 7" in gatepost("resend", "1", site, "--copy", "C7", status=2).output


def test_the_audit_is_verified_and_a_head_that_was_kept_shows_what_was_taken_away(site: Path) -> None:
    assert gatepost("audit", site, "--verify").output == "The audit is empty: nothing was done by hand.\n"
    gatepost("discard", "H1", site, "--why", "asked again", "--yes")
    shown = gatepost("audit", site, "--verify").output
    assert shown.startswith("1 record is as written.\nhead ")
    head = shown.split()[-1]
    kept = gatepost("audit", site, "--verify", "--head", head).output
    assert "The head that was kept is that of record 1." in kept
    missed = gatepost("audit", site, "--verify", "--head", "0" * 64, status=1).output
    assert "no record has the head that was kept" in missed
    assert json.loads(gatepost("audit", site, "--verify", "--json").output)["head"] == head
    gatepost("audit", site, "--verify", "--head", "short", status=2)
    gatepost("audit", site, "--head", head, status=2)
