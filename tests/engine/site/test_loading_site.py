"""A loaded site says what its files say; environments and options differ only where they say so."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from engine.site.loading import hash_of, load_site
from engine.site.model import Retry, Site
from routes.language.problems import Problem
from tests.system_sites import passthrough

EXAMPLE = Path(__file__).resolve().parents[3] / "config"
SECRET = "tr0ut@/x"


def load(site: Path, environment: str = "", **overrides: object) -> Site:
    loaded, problems = load_site(site, environment, overrides=overrides, environ={"RABBIT_PASSWORD": SECRET})
    assert loaded is not None, [str(problem) for problem in problems]
    return loaded


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "config"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def warnings(site: Path) -> list[Problem]:
    return [problem for problem in load_site(site)[1] if problem.severity == "warning"]


def test_feeds_say_what_feeds_yaml_says(site: Path) -> None:
    loaded = load(site)
    feed = loaded.feeds["northfield_lims"]
    letters = loaded.feeds["westmoor_letters"]

    assert feed.listen == ("127.0.0.1", 2575)
    assert (feed.dialect, feed.charset, feed.segment_ends, feed.timezone) == (
        "northfield", "windows-1252", "any", "Europe/London",
    )  # fmt: skip
    assert (letters.acknowledge, letters.frame_timeout, letters.max_frame) == ("when_routed", 120.0, 32 << 20)


def test_channels_say_what_channels_yaml_and_the_directory_say(site: Path) -> None:
    loaded = load(site)
    message = loaded.channels["gp_message"]

    assert message.endpoints["Y06601"] == ("127.0.0.1", 25751)
    assert "Y06607" not in message.endpoints, "this practice takes paper and has no endpoint"
    assert message.retry == Retry(5.0, 2.0, 600.0, 86400.0)
    assert message.replies["AR"] == "park"
    assert message.replies["garbled"] == "retry"
    assert loaded.channels["archive"].path == loaded.data / "archive"


def test_the_data_folder_starts_at_the_site_folder(site: Path, tmp_path: Path) -> None:
    assert load(site).data == tmp_path / "var" / "gatepost"
    assert load(site, data=str(tmp_path / "other")).data == tmp_path / "other"


def test_the_site_runs_on_the_embedded_queue_without_any_environment(site: Path) -> None:
    loaded = load(site)

    assert (loaded.brokers, loaded.broker_shown, loaded.environment) == ((), "embedded", "")


def test_live_replaces_the_channel_of_another_kind_and_masks_the_password(site: Path) -> None:
    loaded = load(site, "live")

    assert loaded.channels["gp_message"].kind == "amqp"
    assert loaded.channels["gp_message"].send_to is None
    assert loaded.brokers == ("amqp://gatepost:tr0ut%40%2Fx@rabbitmq:5672/",)
    assert loaded.broker_shown == "amqp://gatepost:***@rabbitmq:5672/"
    assert ip_network("10.0.0.0/8") in loaded.feeds["st_annes_tie"].senders
    assert loaded.feeds["st_annes_tie"].dialect == "st_annes", "what live.yaml does not say stays"


def test_a_demo_merges_a_part_of_an_entry(site: Path) -> None:
    retry = load(site, "demo").channels["gp_message"].retry

    assert retry == Retry(first=1.0, factor=2.0, longest=5.0, give_up=600.0)


def test_options_lie_over_everything(site: Path) -> None:
    options = {
        "broker": "embedded",
        "feeds.st_annes_tie.listen": "127.0.0.1:0",
        "channels.gp_message": {"kind": "folder", "path": "out", "directory": "gp_directory"},
    }
    loaded, problems = load_site(site, "mailboxes", overrides=options)

    assert loaded is not None, [str(problem) for problem in problems]
    assert loaded.feeds["st_annes_tie"].listen == ("127.0.0.1", 0)
    assert loaded.channels["gp_message"].kind == "folder"
    assert loaded.brokers == ()


def test_an_option_takes_the_place_of_a_secret_that_is_not_set(site: Path) -> None:
    loaded, problems = load_site(
        site, "live", overrides={"broker": "amqp://guest:guest@localhost/"}, environ={}
    )

    assert loaded is not None, [str(problem) for problem in problems]


def test_a_cluster_has_an_address_for_each_node_and_each_secret_is_filled_in_and_masked(site: Path) -> None:
    nodes = ("amqp://gp:${env:RABBIT_PASSWORD}@one:5672/v", "amqp://gp:${env:RABBIT_PASSWORD}@two:5672/v")
    edit(site / "gatepost.yaml", "broker: embedded", f'broker: ["{nodes[0]}", "{nodes[1]}"]')
    loaded = load(site)

    assert loaded.brokers == ("amqp://gp:tr0ut%40%2Fx@one:5672/v", "amqp://gp:tr0ut%40%2Fx@two:5672/v")
    assert loaded.broker_shown == "amqp://gp:***@one:5672/v, amqp://gp:***@two:5672/v"


def test_a_virtual_host_that_is_left_out_is_the_one_called_slash(site: Path) -> None:
    edit(site / "gatepost.yaml", "broker: embedded", "broker: [amqp://one, amqp://two/, amqp://three/%2F]")

    assert len(load(site).brokers) == 3


def test_the_tls_files_of_a_broker_are_found_from_the_site_folder(site: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(site / "ca.pem")
    authority.issue_cert("engine").private_key_and_cert_chain_pem.write_to_path(site / "own.pem")
    address = "amqps://guest:guest@one/?cafile=ca.pem&certfile=own.pem"
    edit(site / "gatepost.yaml", "broker: embedded", f"broker: {address}")

    assert load(site).brokers == (f"amqps://guest:guest@one/?cafile={site}/ca.pem&certfile={site}/own.pem",)
    assert warnings(site) == []


def test_a_certificate_that_has_expired_is_a_warning(site: Path) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    old = trustme.CA().issue_cert("engine", not_after=past, not_before=datetime(2019, 1, 1, tzinfo=UTC))
    old.private_key_and_cert_chain_pem.write_to_path(site / "own.pem")
    edit(site / "gatepost.yaml", "broker: embedded", "broker: amqps://guest:guest@one/?certfile=own.pem")
    [warning] = warnings(site)

    assert (warning.rule, "own.pem" in warning.message) == ("expired-certificate", True)


def test_a_password_from_the_command_line_is_masked_too(site: Path) -> None:
    assert load(site, broker="amqp://me:hunter2@localhost/").broker_shown == "amqp://me:***@localhost/"


def test_a_password_in_clear_is_a_warning(site: Path) -> None:
    edit(site / "gatepost.yaml", "broker: embedded", "broker: amqp://me:hunter2@localhost/")
    [warning] = warnings(site)

    assert (warning.rule, warning.spot.line) == ("secret-in-file", 13)


def test_two_channels_that_write_into_one_folder_are_a_warning(site: Path) -> None:
    edit(site / "channels.yaml", "path: duty_desk", "path: ./archive")

    [warning] = warnings(site)
    assert warning.rule == "shared-folder"
    assert 'The channel "duty_desk" writes into this very folder too' in warning.message
    assert warning.source.strip() == "path: archive"


def test_a_console_is_accepted_with_a_warning(site: Path) -> None:
    edit(site / "gatepost.yaml", "limits:", "console: {listen: 127.0.0.1:8080}\nlimits:")

    assert [warning.rule for warning in warnings(site)] == ["no-console"]


def test_the_hash_names_everything_that_influences_behaviour(site: Path) -> None:
    before = load(site).hash
    same = load(Path(shutil.copytree(site, site.parent / "copy"))).hash
    elsewhere = load(site, data=str(site.parent / "elsewhere")).hash
    edit(site / "environments" / "live.yaml", "listen: 0.0.0.0:2577", "listen: 0.0.0.0:2677")
    other_environment = load(site).hash
    edit(site / "tables" / "gp_of_doctor.csv", "Dr B Oduya", "Dr B Oduya-Smith")
    edited = load(site).hash

    assert before == same == elsewhere == other_environment
    assert edited != before
    assert len({load(site, e).hash for e in ("", "demo", "mailboxes", "live")}) == 4
    options: list[dict[str, object]] = [
        {"broker": "amqp://guest:guest@localhost/"},
        {"feeds.st_annes_tie.charset": "iso-8859-1"},
    ]
    assert all(load(site, "", **option).hash != edited for option in options)


def test_the_texts_of_a_configuration_are_what_the_hash_is_over_and_hold_no_secret(site: Path) -> None:
    live = load(site, "live", **{"feeds.westmoor_pas.listen": "127.0.0.1:0", "data": "elsewhere"})

    assert hash_of(live.sources) == live.hash
    assert "${env:RABBIT_PASSWORD}" in live.sources["environments/live.yaml"]
    assert live.sources["(command line)"] == "feeds.westmoor_pas.listen: 127.0.0.1:0\n"
    assert {"gatepost.yaml", "feeds.yaml", "routes/gp_results.yaml", "tables/gp_directory.csv"} <= set(
        live.sources
    )
    assert [name for name in live.sources if name.startswith("environments/")] == ["environments/live.yaml"]
    assert not [name for name, text in live.sources.items() if "tr0ut" in text]


@pytest.mark.parametrize("password", ["tr0ut", "tr@ut", "tr:0ut", "tr/0ut"])
def test_a_password_in_clear_is_masked_in_the_texts_of_a_configuration(site: Path, password: str) -> None:
    edit(site / "gatepost.yaml", "broker: embedded", f"broker: amqp://gp:{password}@host:5672/")
    loaded, _ = load_site(site)

    if loaded is not None:  # some of these are no addresses, and then there is no site
        assert password not in loaded.sources["gatepost.yaml"]
        assert "amqp://gp:***@host:5672/" in loaded.sources["gatepost.yaml"]
    else:
        assert password == "tr/0ut"


def test_the_hash_does_not_depend_on_a_secrets_value(site: Path) -> None:
    one, _ = load_site(site, "live", environ={"RABBIT_PASSWORD": "one"})
    other, _ = load_site(site, "live", environ={"RABBIT_PASSWORD": "other"})

    assert one is not None
    assert other is not None
    assert one.hash == other.hash


def _tls(site: Path, lines: str) -> None:
    listen = "    listen: 127.0.0.1:2577"
    edit(site / "feeds.yaml", listen, f"{listen}\n    tls:\n{lines}")


def test_tls_files_are_found_beside_the_site_and_tried_out(site: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(site / "ca.pem"))
    own = authority.issue_cert("gatepost.example")
    own.private_key_pem.write_to_path(str(site / "key.pem"))
    own.cert_chain_pems[0].write_to_path(str(site / "cert.pem"))
    _tls(site, "      certificate: cert.pem\n      key: key.pem\n      client_ca: ca.pem\n"
               "      client_names: [tie.stannes.example]")  # fmt: skip

    tls = load(site).feeds["st_annes_tie"].tls

    assert tls is not None
    assert tls.client_names == ("tie.stannes.example",)
    assert tls.client_ca == site / "ca.pem"


def test_a_key_of_another_certificate_is_refused(site: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("a.example").private_key_pem.write_to_path(str(site / "key.pem"))
    authority.issue_cert("b.example").cert_chain_pems[0].write_to_path(str(site / "cert.pem"))
    _tls(site, "      certificate: cert.pem\n      key: key.pem")

    loaded, problems = load_site(site)

    assert loaded is None
    assert [problem.rule for problem in problems] == ["bad-tls-file"]


def test_client_names_without_an_authority_are_refused(site: Path) -> None:
    own = trustme.CA().issue_cert("a.example")
    own.private_key_and_cert_chain_pem.write_to_path(str(site / "own.pem"))
    _tls(site, "      certificate: own.pem\n      key: own.pem\n      client_names: [x.example]")

    loaded, problems = load_site(site)

    assert loaded is None
    assert [problem.rule for problem in problems] == ["names-without-ca"]


@pytest.mark.parametrize(
    ("first", "second", "good"),
    [
        ("0.0.0.0", "127.0.0.1", False),  # noqa: S104 - a setting to be judged, not bound to
        ("127.0.0.1", "0.0.0.0", False),  # noqa: S104 - likewise
        ("127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.2", True),
    ],
)
def test_one_port_is_for_one_feed_unless_each_has_an_address_of_its_own(
    first: str, second: str, good: bool, site: Path
) -> None:
    options = {"feeds.st_annes_tie.listen": f"{first}:2700", "feeds.westmoor_pas.listen": f"{second}:2700"}
    loaded, problems = load_site(site, overrides=options)

    assert (loaded is not None) == good
    assert [problem.rule for problem in problems] == ([] if good else ["same-port"])


def test_what_a_layer_changes_is_named_where_it_stands(site: Path) -> None:
    _, problems = load_site(site, overrides={"feeds.st_annes_tie.dialect": "no_such"})

    assert {problem.spot.file for problem in problems if problem.severity == "error"} == {"(command line)"}


def test_what_is_retired_needs_no_route_and_shares_its_port(site: Path) -> None:
    edit(
        site / "feeds.yaml",
        "  westmoor_pas:",
        "  old_pas:\n    kind: mllp\n    listen: 127.0.0.1:2580\n    retired: yes\n  westmoor_pas:",
    )
    edit(
        site / "channels.yaml",
        "  archive:",
        "  old_archive: {kind: folder, path: old, retired: yes}\n\n  archive:",
    )
    loaded, problems = load_site(site)

    assert loaded is not None, [str(problem) for problem in problems]
    assert problems == []
    assert (loaded.feeds["old_pas"].retired, loaded.feeds["westmoor_pas"].retired) == (True, False)
    assert (loaded.channels["old_archive"].retired, loaded.channels["archive"].retired) == (True, False)


def test_it_knows_the_files_beside_it_and_whether_it_is_watched(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("word")
    settings = f"site: s\ndata: data\nbroker: amqp://u:${{file:{secret}}}@host/\n"

    def watched(more: str) -> bool:
        loaded, problems = load_site(
            passthrough(tmp_path / "site", 2575, extra={"gatepost.yaml": settings + more})
        )
        assert loaded is not None, problems
        assert loaded.beside == (secret,)
        return loaded.watch

    assert watched("")
    assert not watched("live: yes\n")
    assert watched("live: yes\nwatch: yes\n")
    assert not watched("watch: no\n")
