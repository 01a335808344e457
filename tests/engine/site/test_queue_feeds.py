"""Feeds of kind amqp in feeds.yaml: what they may say, and what is refused, with its place and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site.difference import difference
from engine.site.loading import load_site
from engine.site.model import Site
from routes.language.problems import Problem
from tests.system_sites import write

ROUTE = "route: {0}\nabout: All.\nowner: a@example.nhs.uk\nfrom: [{0}]\nsend:\n  - to: replies\n"


def load(
    folder: Path, feeds: str, *, broker: str = "amqp://h/", to_run: bool = True
) -> tuple[Site | None, list[Problem]]:
    """A site with these feeds, each with a route, and one mailbox or folder."""
    names = [
        line.strip().rstrip(":") for line in feeds.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    files = {
        "gatepost.yaml": f"site: house\ndata: data\nbroker: {broker}\n",
        "feeds.yaml": f"feeds:\n{feeds}",
        "channels.yaml": "channels:\n  replies:\n    kind: folder\n    path: out\n",
        **{f"routes/{name}.yaml": ROUTE.format(name) for name in names},
    }
    return load_site(write(folder, files), to_run=to_run)


def site_of(folder: Path, feeds: str) -> Site:
    site, problems = load(folder, feeds)
    assert site is not None, [str(problem) for problem in problems]
    return site


ONE = "  practices:\n    kind: amqp\n    queue: in.practices\n"


def test_a_feed_at_a_queue_has_what_it_says_and_no_address(tmp_path: Path) -> None:
    feed = site_of(tmp_path, f"{ONE}    max_message: 2MiB\n    segment_ends: any\n").feeds["practices"]

    assert (feed.kind, feed.queue, feed.listen) == ("amqp", "in.practices", ("", 0))
    assert (feed.max_frame, feed.segment_ends, feed.acknowledge) == (2 << 20, "any", "when_stored")


def test_the_queue_is_gatepost_replies_unless_it_says_otherwise(tmp_path: Path) -> None:
    text = "channels:\n  gp_message:\n    kind: amqp\n"
    found, problems = load(tmp_path, "  practices:\n    kind: amqp\n")
    assert found is None, "the channel replies has that queue in this site"
    assert [problem.rule for problem in problems if problem.severity == "error"] == ["same-queue"]

    (tmp_path / "channels.yaml").write_text(text, encoding="utf-8")
    route = tmp_path / "routes" / "practices.yaml"
    route.write_text(route.read_text(encoding="utf-8").replace("replies", "gp_message"), encoding="utf-8")
    site, problems = load_site(tmp_path, to_run=True)

    assert site is not None, [str(problem) for problem in problems]
    assert site.feeds["practices"].queue == "gatepost.replies"


@pytest.mark.parametrize(
    ("feeds", "rule", "line", "remedy"),
    [
        (f"{ONE}    listen: 127.0.0.1:2575\n", "misplaced-key", 5, "Take it away"),
        (f"{ONE}    acknowledge: when_routed\n", "misplaced-key", 5, "acknowledged when it is stored"),
        (f"{ONE}    max_frame: 1MiB\n", "misplaced-key", 5, "max_message"),
        (f"{ONE}    que: x\n", "unknown-key", 5, 'did you mean "queue"'),
        (ONE.replace("in.practices", "in practices"), "bad-name", 4, "gatepost.replies"),
        (ONE.replace("in.practices", "amq.direct"), "bad-name", 4, "the broker's own"),
        (ONE.replace("in.practices", "gatepost.replies.Y90001"), "same-queue", 2, "another queue"),
        (ONE.replace("in.practices", "gatepost.dead"), "same-queue", 2, "dead letters"),
        (f"{ONE}    duplicate_window: 0s\n", "no-window", 5, "1d"),
        (ONE + ONE.replace("practices:", "others:"), "same-queue", 7, "a queue of its own"),
        (ONE.replace("amqp", "amqb"), "wrong-choice", 3, "amqp"),
        (
            "  p:\n    kind: mllp\n    listen: 127.0.0.1:2575\n    queue: x\n",
            "misplaced-key",
            5,
            "kind: amqp",
        ),
    ],
)
def test_a_mistake_is_told_once_at_its_place_with_the_remedy(
    tmp_path: Path, feeds: str, rule: str, line: int, remedy: str
) -> None:
    site, problems = load(tmp_path, feeds)

    assert site is None
    [problem] = [problem for problem in problems if problem.severity == "error"]
    assert (problem.rule, problem.spot.file, problem.spot.line) == (rule, "feeds.yaml", line)
    assert remedy in str(problem).split("\n", 1)[0]


def test_without_a_broker_it_can_be_checked_and_tested_and_not_run(tmp_path: Path) -> None:
    tested, [warning] = load(tmp_path, ONE, broker="embedded", to_run=False)
    run, problems = load(tmp_path, ONE, broker="embedded")

    assert tested is not None
    assert (warning.rule, warning.severity, warning.spot.line) == ("needs-broker", "warning", 3)
    assert run is None
    assert [(each.rule, each.spot.line) for each in problems] == [("needs-broker", 3)]
    assert "amqp://" in str(problems[0])


def test_a_retired_feed_lends_its_queue_to_another(tmp_path: Path) -> None:
    site_of(tmp_path, f"{ONE}    retired: yes\n" + ONE.replace("practices:", "others:"))


def test_what_a_reload_changes_of_it_is_told(tmp_path: Path) -> None:
    before = site_of(tmp_path / "a", ONE)
    moved = difference(before, site_of(tmp_path / "a", ONE.replace("in.practices", "in.others")))
    zone = difference(before, site_of(tmp_path / "a", f"{ONE}    timezone: Europe/London\n"))
    gone = difference(before, site_of(tmp_path / "a", f"{ONE}    retired: yes\n"))

    assert moved.feeds == {"practices": "reopen"}
    assert moved.changes == ("feed practices: queue changed; it takes messages from the queue in.others",)
    assert zone.feeds == {"practices": "retune"}
    assert gone.feeds == {"practices": "close"}
    assert gone.changes == ("feed practices: retired, takes no more from its queue",)
