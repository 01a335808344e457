"""Past traffic through changed files: what would differ is found, told, and traced to the file; no more."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bench.past import Sent
from engine import replay as replay_module
from engine.journal.past import Stretch
from engine.journal.reading import JournalReader
from engine.journal.schema import DATABASE
from engine.replay import Replay, UnknownRoute, scope_of
from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.language.plan import Plan
from tests.engine.past_rig import MINUTE, START, an_example, edit, load, sample, samples, work
from tests.system_sites import write


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The example site, after each of its samples came in once."""
    folder = an_example(tmp_path)
    work(folder, samples())
    return folder


def run(site: Path, route: str = "", stretch: Stretch | None = None) -> Replay:
    loaded = load(site)
    with JournalReader(loaded.data) as journal:
        return replay_module.replay(loaded, journal, stretch or Stretch(), route=route)


def kinds(result: Replay) -> dict[str, int]:
    return {group.kind: group.count for group in result.groups}


def changed(result: Replay) -> list[str]:
    (config,) = result.configs
    return [str(change) for change in config.changes]


def test_the_files_that_decided_would_decide_the_same_again(site: Path) -> None:
    result = run(site)

    assert result.messages == result.same == len(samples())
    assert (result.differ, result.groups) == (0, [])
    (config,) = result.configs
    assert (config.hash, config.messages, config.differ, config.kept, config.changes) == (
        load(site).hash, len(samples()), 0, True, (),
    )  # fmt: skip


def test_a_field_that_a_route_writes_otherwise_is_named_in_every_copy(site: Path) -> None:
    edit(site / "routes" / "gp_results.yaml", "set_text: {MSH-5: GP}", "set_text: {MSH-5: SURGERY}")
    result = run(site)

    for group in result.groups:
        assert group.kind.startswith("other content to ")
        assert dict(group.details) == {"MSH-5": group.count}
    (group, *_) = result.groups
    places = [place for change in group.messages[0].difference.changes for place in change.fields]
    assert {(place.path, place.before, place.after) for place in places} == {("MSH-5", "GP", "SURGERY")}
    assert changed(result) == ["route routes/gp_results.yaml changed"]
    assert result.configs[0].differ == result.differ > 3


def test_a_practice_that_takes_paper_now_moves_its_copies_to_the_print_room(site: Path) -> None:
    for name in ("Ash Lane Surgery", "Ferry Road Practice"):
        edit(site / "tables" / "gp_directory.csv", f"{name},electronic", f"{name},paper")
    result = run(site, "gp_results")

    assert kinds(result)["gp_message → print_room"] >= 4
    assert changed(result) == ["table tables/gp_directory.csv changed: 2 rows changed"]
    (config,) = result.configs
    assert config.changes[0].rows is not None
    assert config.changes[0].rows.told[0] == "Y06601: accepts: electronic → paper"


def test_a_check_that_was_added_holds_what_was_sent(site: Path) -> None:
    edit(
        site / "routes" / "gp_results.yaml",
        "  - conforms_to: oru_r01_uk ",
        "  - that: OBR-24 is present\n    else: {hold: no_service}\n  - conforms_to: oru_r01_uk ",
    )
    result = run(site, "gp_results")

    assert "sent → held" in kinds(result)
    group = next(group for group in result.groups if group.kind == "sent → held")
    assert sum(count for what, count in group.details.items() if "no_service" in what) == group.count
    changes = group.messages[0].difference.changes
    assert [(change.what, change.before) for change in changes if change.what == "tray"] == [("tray", "")]


@pytest.mark.parametrize(
    ("file", "old", "new", "kind", "said"),
    [
        ("dialects/northfield.yaml", "from: DD/MM/YYYY", "from: YYYYMMDD", "sent → held", "dialect"),
        ("guards/safe_to_send.yaml", "MSH-11", "MSH-12", "sent → held", "guard"),
    ],
)
def test_a_dialect_or_guard_that_was_changed_is_named(
    site: Path, file: str, old: str, new: str, kind: str, said: str
) -> None:
    edit(site / file, old, new)
    result = run(site, "gp_results")

    assert kind in kinds(result)
    assert changed(result) == [f"{said} {file} changed"]


def test_other_words_and_other_lines_alone_make_no_difference(site: Path) -> None:
    route = site / "routes" / "gp_results.yaml"
    route.write_text("# A line that moves all others.\n\n" + route.read_text("utf-8"), "utf-8")
    edit(route, "about: Lab results", "about: Laboratory results")
    result = run(site)

    assert result.differ == 0
    assert changed(result) == ["route routes/gp_results.yaml changed"]


def test_one_route_is_asked_for_and_the_others_are_left_out(site: Path) -> None:
    everything = run(site)
    results = run(site, "gp_results")
    assert 0 < results.messages < everything.messages

    edit(site / "routes" / "gp_results.yaml", "set_text: {MSH-5: GP}", "set_text: {MSH-5: SURGERY}")
    others = [name for name in load(site).plan.routes if name != "gp_results"]
    assert [run(site, name).differ for name in others] == [0] * len(others)


def test_a_feed_and_a_stretch_of_time_are_what_was_asked_for(site: Path) -> None:
    northfield = run(site, "gp_results", Stretch(feed="northfield_lims"))
    early = run(site, stretch=Stretch(since=START, until=START + 5 * MINUTE))
    assert (northfield.messages, early.messages) == (4, 5)
    assert run(site, stretch=Stretch(since=START + 10_000 * MINUTE)).messages == 0


def test_a_message_is_decided_at_the_time_when_it_was_received(tmp_path: Path) -> None:
    site = an_example(tmp_path)
    edit(
        site / "gatepost.yaml",
        "broker: embedded",
        "broker: embedded\nhours:\n  evening: {zone: UTC, every_day: 18:00-19:00}",
    )
    edit(site / "routes" / "gp_results.yaml", "when: critical", "when: received in hours evening")
    work(site, [sample("st_annes_result", 0), sample("st_annes_result", 600)])
    assert run(site).differ == 0


def test_a_message_of_a_batch_is_decided_with_its_envelope(tmp_path: Path) -> None:
    site = an_example(tmp_path)
    edit(site / "routes" / "gp_results.yaml", "when: critical", "when: BHS-3 = 'NIGHTLY'")
    one = sample("st_annes_result")
    envelope = b"BHS|^~\\&|NIGHTLY|STANNES\r"
    work(site, [replace(one, envelope=envelope), sample("st_annes_result", 1)])
    assert run(site).differ == 0

    edit(site / "routes" / "gp_results.yaml", "NIGHTLY", "WEEKLY")
    assert kinds(run(site)) == {"no longer to duty_desk": 1}


def test_pieces_of_a_split_message_are_held_against_their_own(tmp_path: Path) -> None:
    site = write(
        tmp_path / "site",
        {
            "gatepost.yaml": "site: split\ndata: ../data\nbroker: embedded\n",
            "feeds.yaml": "feeds:\n  lab:\n    kind: mllp\n    listen: 127.0.0.1:2575\n",
            "channels.yaml": "channels:\n  out:\n    kind: folder\n    path: out\n",
            "routes/all.yaml": """\
                route: all
                about: One piece for each test.
                owner: a@example.nhs.uk
                from: [lab]
                change:
                  - split: OBR
                  - set_text: {MSH-6: GP}
                    when: OBR-4.1 = 'B'
                send:
                  - to: out
                """,
        },
    )
    body = b"MSH|^~\\&|A|B|C|D|20260105||ORU^R01|1|P|2.4\rPID|1\rOBR|1|||A\rOBX|1\rOBR|2|||B\rOBX|1\r"
    work(site, [Sent("lab", body, START)])
    assert run(site).differ == 0

    edit(site / "routes" / "all.yaml", "{MSH-6: GP}", "{MSH-6: SURGERY}")
    (group,) = run(site).groups
    (change,) = group.messages[0].difference.changes
    assert change.after == "out, piece 2"
    assert [(place.path, place.before, place.after) for place in change.fields] == [
        ("MSH-6", "GP", "SURGERY")
    ]


def test_a_rejected_letter_that_would_be_taken_now_is_told(site: Path) -> None:
    edit(site / "routes" / "gp_letters.yaml", 'reject: "The letter holds no document"', "hold: by_hand")
    result = run(site, "gp_letters")
    assert "rejected → held" in kinds(result)


def test_each_message_names_the_configuration_that_decided_it(site: Path) -> None:
    first = load(site)
    edit(site / "routes" / "gp_results.yaml", "set_text: {MSH-5: GP}", "set_text: {MSH-5: SURGERY}")
    second = work(site, [sample("st_annes_result", 100), sample("st_annes_result", 101)])
    result = run(site, "gp_results")

    shown = {config.hash: config for config in result.configs}
    assert shown[second.hash].messages == 2
    assert shown[second.hash].differ == 0
    assert shown[first.hash].differ == result.differ
    assert {message.config for group in result.groups for message in group.messages} == {first.hash}


def test_a_configuration_that_was_not_kept_is_said_to_be_unknown(tmp_path: Path) -> None:
    site = an_example(tmp_path)
    work(site, samples(), keep=False)
    same = run(site)
    assert (same.configs[0].kept, same.differ) == (True, 0), "its hash says that it is the one of today"

    edit(site / "routes" / "gp_results.yaml", "set_text: {MSH-5: GP}", "set_text: {MSH-5: SURGERY}")
    (config,) = run(site).configs
    assert (config.kept, config.changes) == (False, ())


def test_duplicates_and_feeds_that_are_gone_are_passed_over_and_counted(site: Path) -> None:
    work(site, [sample("st_annes_result", 200), sample("st_annes_result", 200)])
    for file in ("feeds.yaml", "routes/gp_results.yaml"):
        text = (site / file).read_text("utf-8")
        (site / file).write_text(text.replace("northfield_lims", "northfield_lab"), "utf-8")
    result = run(site)
    assert result.skipped == {"duplicate": 1, "feed gone": 4}


def test_every_message_is_decided_once(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counting(plan: Plan, feed: str, body: bytes, known: Known) -> Decision:
        asked.append(known.received)
        return decide(plan, feed, body, known)

    monkeypatch.setattr(replay_module, "decide", counting)
    result = run(site)
    assert len(asked) == result.messages
    assert asked == [message.received for message in samples()]


def test_a_decision_that_fails_is_a_message_that_would_be_held(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> Decision:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(replay_module, "decide", failing)
    result = run(site)
    assert kinds(result)["sent → held"] > 3
    assert "a bug of ours" not in str(result)


def test_what_passes_the_limit_is_counted_and_not_told(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "MOST_TOLD", 2)
    edit(site / "routes" / "gp_results.yaml", "set_text: {MSH-5: GP}", "set_text: {MSH-5: SURGERY}")
    result = run(site)
    told = sum(len(group.messages) for group in result.groups)
    assert told == 2
    assert result.untold == result.differ - 2
    assert sum(group.count for group in result.groups) == result.differ


def test_progress_is_told_to_the_end(site: Path) -> None:
    loaded = load(site)
    seen: list[tuple[int, int]] = []
    work(site, [sample("st_annes_result", number) for number in range(300, 420)])
    with JournalReader(loaded.data) as journal:
        result = replay_module.replay(loaded, journal, Stretch(), progress=lambda *now: seen.append(now))
    assert seen == [(50, result.messages), (100, result.messages), (result.messages, result.messages)]


def test_a_replay_leaves_the_journal_as_it_was(site: Path) -> None:
    def everything() -> tuple[bytes, list[str]]:
        data = load(site).data / DATABASE
        with closing(sqlite3.connect(f"{data.as_uri()}?mode=ro", uri=True)) as connection:
            rows = list(connection.iterdump())
        return data.read_bytes(), rows

    before = everything()
    edit(site / "routes" / "gp_results.yaml", "set_text: {MSH-5: GP}", "set_text: {MSH-5: SURGERY}")
    assert run(site).differ
    assert everything() == before


def test_the_scope_of_a_route_is_what_it_passes_to(site: Path) -> None:
    assert scope_of(load(site), "gp_results") == {"gp_results"}
    with pytest.raises(UnknownRoute):
        scope_of(load(site), "gp_result")
    edit(site / "routes" / "gp_results.yaml", "  - to: archive ", "  - pass_to: more\n  - to: archive ")
    write(
        site,
        {
            "routes/more.yaml": """\
                route: more
                about: What follows.
                owner: a@example.nhs.uk
                send:
                  - to: duty_desk
                """
        },
    )
    assert scope_of(load(site), "gp_results") == {"gp_results", "more"}
    result = run(site, "gp_results")
    assert "also to duty_desk" in kinds(result)
