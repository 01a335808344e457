"""What differs between two loads of a site, and what follows from it for sockets and connections."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from engine.site.difference import Difference, difference
from engine.site.loading import load_site
from engine.site.model import ChannelSettings, Expected, Feed, Limits, Retry, Site, Tls
from routes.language.plan import Plan
from tests.system_sites import passthrough

WARD = Feed("ward", ("127.0.0.1", 2575))
LAB = Feed("lab", ("127.0.0.1", 2576))
TLS = Tls(Path("own.pem"), Path("own.key"), fingerprint="one")
GP = ChannelSettings("gp", "mllp", send_to=("10.1.2.3", 6661))
ARCHIVE = ChannelSettings("archive", "folder", path=Path("/var/archive"))
FOLDER = Path("/srv/site")


def site(*parts: Feed | ChannelSettings, **more: object) -> Site:
    feeds = {part.name: part for part in parts if isinstance(part, Feed)}
    channels = {part.name: part for part in parts if isinstance(part, ChannelSettings)}
    base = Site("house", FOLDER, FOLDER / "data", feeds, channels, Plan("", {}), "hash of the first")
    return replace(base, **more)  # type: ignore[arg-type]  # tests name fields of Site


def between(old: Site, new: Site) -> Difference:
    return difference(old, new if new.hash != old.hash else replace(new, hash="hash of the second"))


def test_the_same_site_is_no_difference() -> None:
    assert difference(site(WARD, GP), site(WARD, GP)).nothing


# -- feeds ----------------------------------------------------------------------------------------------


def test_feeds_that_came_and_went() -> None:
    found = between(site(WARD), site(LAB))

    assert found.feeds == {"ward": "close", "lab": "open"}
    assert found.gone_feeds == ("ward",)
    assert found.changes == ("feed ward: removed, listens no more", "feed lab: listens at 127.0.0.1:2576")


@pytest.mark.parametrize(
    "changed",
    [
        replace(WARD, listen=("0.0.0.0", 2575)),  # noqa: S104
        replace(WARD, senders=(ip_network("10.0.0.0/8"),)),
        replace(WARD, tls=TLS),
        replace(WARD, max_frame=1000),
        replace(WARD, max_connections=3),
        replace(WARD, idle_timeout=3.0),
        replace(WARD, frame_timeout=3.0),
        replace(WARD, queue="in.practices"),
    ],
)
def test_what_connections_were_opened_with_opens_them_anew(changed: Feed) -> None:
    assert between(site(WARD), site(changed)).feeds == {"ward": "reopen"}


@pytest.mark.parametrize(
    "changed",
    [
        replace(WARD, acknowledge="when_routed"),
        replace(WARD, reject_as="AR"),
        replace(WARD, answers="always"),
        replace(WARD, dialect="quiet"),
        replace(WARD, guards=("safe",)),
        replace(WARD, charset="windows-1252"),
        replace(WARD, segment_ends="any"),
        replace(WARD, timezone="Europe/London"),
        replace(WARD, duplicate_window=3.0),
        replace(WARD, on_count_mismatch="accept"),
        replace(WARD, expect=Expected(((),) * 7)),
        replace(WARD, answers_for=("gp",)),
        replace(WARD, rejections={"NOTOURS": "misdirected"}),
    ],
)
def test_how_frames_are_treated_leaves_connections_open(changed: Feed) -> None:
    found = between(site(WARD), site(changed))

    assert found.feeds == {"ward": "retune"}
    assert found.changes[0].endswith("changed; its connections stay open")


def test_every_setting_of_a_feed_is_in_one_of_the_two_lists_above() -> None:
    counted: set[str] = set()
    for test in (
        test_what_connections_were_opened_with_opens_them_anew,
        test_how_frames_are_treated_leaves_connections_open,
    ):
        (mark,) = test.pytestmark  # type: ignore[attr-defined]
        for feed in mark.args[1]:
            counted |= {name for name in Feed.__slots__ if getattr(feed, name) != getattr(WARD, name)}

    assert counted == set(Feed.__slots__) - {"name", "kind", "retired"}


def test_a_renewed_certificate_in_the_same_file_leaves_connections_open() -> None:
    old, new = replace(WARD, tls=TLS), replace(WARD, tls=replace(TLS, fingerprint="two"))
    found = between(site(old), site(new))
    assert found.feeds == {"ward": "renew"}
    assert found.changes[0] == "feed ward: TLS files renewed, for new connections"

    assert between(site(old), site(replace(new, charset="ascii"))).feeds == {"ward": "renew"}
    assert between(site(old), site(replace(new, max_frame=5))).feeds == {"ward": "reopen"}
    other = replace(WARD, tls=replace(TLS, key=Path("other.key"), fingerprint="two"))
    assert between(site(old), site(other)).feeds == {"ward": "reopen"}


def test_a_feed_that_is_retired_stays_and_does_not_listen() -> None:
    retired = replace(WARD, retired=True)

    found = between(site(WARD), site(retired))
    assert found.feeds == {"ward": "close"}
    assert found.gone_feeds == ()
    assert found.changes == ("feed ward: retired, listens no more",)
    assert between(site(retired), site(WARD)).feeds == {"ward": "open"}
    assert between(site(retired), site()).gone_feeds == ("ward",)
    assert between(site(retired), site()).feeds == {}
    assert between(site(retired), site(replace(retired, charset="ascii"))).feeds == {}


# -- channels -------------------------------------------------------------------------------------------


def test_channels_that_came_went_and_changed() -> None:
    moved = replace(GP, send_to=("10.1.2.4", 6661), retry=Retry(first=1))
    extra = ChannelSettings("extra", "amqp")
    found = between(site(GP, ARCHIVE), site(moved, extra))

    assert found.channels == {"gp": "change", "archive": "remove", "extra": "add"}
    assert found.gone_channels == ("archive",)
    assert found.takes_away
    assert found.changes == (
        "channel gp: send_to, retry changed",
        "channel archive: removed",
        "channel extra: new, of kind amqp",
    )


def test_a_channel_that_becomes_a_mailbox_or_was_one_is_named() -> None:
    mailbox, folder = ChannelSettings("gp", "amqp"), replace(ARCHIVE, name="gp")

    assert between(site(GP), site(mailbox)).mailboxes == ("gp",)
    assert between(site(mailbox), site(GP)).mailboxes == ("gp",)
    assert between(site(GP), site(folder)).mailboxes == ()
    assert not between(site(GP), site(folder)).takes_away


# -- what needs a restart, and the rest -----------------------------------------------------------------


def test_another_broker_or_data_folder_needs_a_restart() -> None:
    amqp = site(brokers=("amqp://u:secret@one:5672/",), broker_shown="amqp://u:***@one:5672/")

    assert "restart" in between(site(), site(data=Path("/elsewhere"))).restart[0].lower()
    (words,) = between(site(), amqp).restart
    assert "from embedded to amqp://u:***@one:5672/" in words
    assert "secret" not in words
    for other in ("amqp://u:secret@two:5672/", "amqp://u:secret@one:5673/", "amqps://u:secret@one:5672/"):
        assert between(amqp, replace(amqp, brokers=(other,))).restart


def test_another_password_for_the_same_broker_does_not() -> None:
    old = site(brokers=("amqp://u:old@one:5672/v",), broker_shown="amqp://u:***@one:5672/v")
    found = difference(old, replace(old, brokers=("amqp://u:new@one:5672/v",)))

    assert found.restart == ()
    assert found.credentials
    assert found.changes == ("broker: other credentials or nodes, used when it connects again",)


def test_files_limits_and_names_are_told() -> None:
    old = site(sources={"routes/a.yaml": "1", "tables/t.csv": "1", "feeds.yaml": "1", "channels.yaml": "1"})
    new = site(
        sources={"routes/a.yaml": "2", "tables/u.csv": "1", "feeds.yaml": "2", "channels.yaml": "2"},
        limits=Limits(backlog=5),
        name="home",
    )

    assert between(old, new).changes == (
        "site: now called home",
        "limits: backlog changed",
        "routes/a.yaml: changed",
        "tables/t.csv: removed",
        "tables/u.csv: new",
    )


def test_a_difference_without_effect_is_said_to_be_none() -> None:
    assert between(site(WARD), site(WARD)).changes == ("only comments, descriptions or the order of things",)


def test_trays_that_are_no_longer_listed_are_named(tmp_path: Path) -> None:
    def load(settings: str) -> Site:
        text = f"site: house\ndata: data\n{settings}"
        loaded, problems = load_site(passthrough(tmp_path, 2575, extra={"gatepost.yaml": text}))
        assert loaded is not None, problems
        return loaded

    old = load("trays:\n  restricted: {open_to: [guardian]}\n  other: {owner: us}\n")
    new = load("trays:\n  other: {owner: us}\n")

    assert difference(old, new).gone_trays == ("restricted",)
    assert difference(new, old).gone_trays == ()
