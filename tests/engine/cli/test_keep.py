"""`gatepost keep` turns a message of the journal into an invented sample and a test that passes."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.past import Sent, fill
from engine.cli import main
from engine.journal.records import Arrival, Stored, Verdict
from engine.journal.sqlite import SqliteJournal
from engine.site.loading import load_site

EXAMPLE = Path(__file__).resolve().parents[3] / "config"
CANARIES = (
    "TARRANT", "ELSPETH", "9990001006", "NF448210", "07/03/1951", "Tollgate", "ZZ99 3VZ", "26L0041882",
    "NF00310057", "microcytic",
)  # fmt: skip


def store(
    folder: Path, feed: str, body: bytes, received: int = 1_773_063_600_000_000, envelope: bytes = b""
) -> int:
    came = Arrival(
        feed, received, body, hashlib.sha256(body).digest(), sender=hashlib.sha256(body).digest(),
        control_id="X", type="ORU^R01", version="2.3", peer="p", verdict=Verdict("ok"), envelope=envelope,
    )  # fmt: skip

    async def put() -> int:
        journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
        stored: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        journal.append(came, stored.set_result)
        found = await stored
        await journal.close()
        assert isinstance(found, Stored)
        return found.id

    return asyncio.run(put())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def gatepost(*arguments: str | int | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def sample(name: str) -> bytes:
    return (EXAMPLE / "samples" / f"{name}.hl7").read_bytes()


def test_a_result_is_kept_and_nobody_is_left_in_it(site: Path, data: Path) -> None:
    number = store(data, "northfield_lims", sample("northfield_result_final"))
    result = gatepost("keep", number, site, "--data", data, "--route", "gp_results")
    kept = (site / "samples" / "gp_results_oru_r01.hl7").read_text(encoding="utf-8")

    assert result.exit_code == 0, result.output
    for canary in CANARIES:
        assert canary.casefold() not in kept.casefold()
        assert canary.casefold() not in result.output.casefold()
    assert "    given: samples/gp_results_oru_r01.hl7\n    feed: northfield_lims\n" in result.output
    assert "        gp_message @ Y06601:\n" in result.output
    assert "READ " in result.stderr
    assert "BEFORE YOU COMMIT IT" in result.stderr
    assert "PID-5.1" in result.output


def test_written_to_the_route_the_test_stands_there_and_passes(site: Path, data: Path) -> None:
    route = site / "routes" / "gp_results.yaml"
    before = route.read_text(encoding="utf-8")
    number = store(data, "northfield_lims", sample("northfield_result_final"))
    for _ in range(2):
        result = gatepost("keep", number, site, "--data", data, "--route", "gp_results", "--write")
        assert result.exit_code == 0, result.output
    after = route.read_text(encoding="utf-8")

    assert after.startswith(before)
    assert (
        '  - name: "a kept ORU^R01 of northfield_lims (2)"\n    given: samples/gp_results_oru_r01_2.hl7\n'
        in after
    )
    assert (
        gatepost("test", site, "--route", "gp_results", "--name", "a kept").output == "✓ 2 tests of 1 route\n"
    )


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("corrected", '    earlier: ["gp_message @ Y06601", duty_desk, archive]\n'),
        ("preliminary", '    earlier_final: ["gp_message @ Y06601", duty_desk, archive]\n'),
    ],
)
def test_who_had_an_earlier_version_belongs_to_the_test(
    site: Path, data: Path, version: str, line: str
) -> None:
    loaded, _ = load_site(site)
    assert loaded is not None
    versions = [sample("northfield_result_final"), sample(f"northfield_result_{version}")]
    messages = [Sent("northfield_lims", body, 1_773_063_600_000_000 + n) for n, body in enumerate(versions)]
    asyncio.run(fill(data, loaded, messages))
    result = gatepost("keep", 2, site, "--data", data, "--route", "gp_results", "--write")

    assert result.exit_code == 0, result.output
    assert line in (site / "routes" / "gp_results.yaml").read_text(encoding="utf-8")
    assert gatepost("test", site).exit_code == 0


def test_a_route_without_tests_gets_its_first(site: Path, data: Path) -> None:
    route = site / "routes" / "adt_archive.yaml"
    route.write_text(route.read_text(encoding="utf-8").split("\ntests:\n")[0] + "\n", encoding="utf-8")
    number = store(data, "northfield_pas", sample("northfield_admission"))
    arguments = ("--route", "adt_archive", "--name", "an admission: kept", "--sample", "Mine", "--write")
    result = gatepost("keep", number, site, "--data", data, *arguments)

    assert result.exit_code == 0, result.output
    assert '\ntests:\n  - name: "an admission: kept"\n    given: samples/mine.hl7\n' in route.read_text(
        encoding="utf-8"
    )


def test_a_file_whose_tests_are_laid_out_otherwise_stays_as_it_is(site: Path, data: Path) -> None:
    route = site / "routes" / "adt_archive.yaml"
    text = route.read_text(encoding="utf-8").split("\ntests:\n")[0]
    one = "name: one, given: samples/westmoor_result.hl7, feed: westmoor_pas"
    text += f"\ntests: [{{{one}, expect: {{not_wanted: not_an_admission}}}}]\n"
    route.write_text(text, encoding="utf-8")
    number = store(data, "northfield_pas", sample("northfield_admission"))
    result = gatepost("keep", number, site, "--data", data, "--route", "adt_archive", "--write")

    assert result.exit_code == 1
    assert "The test was not written" in result.output
    assert route.read_text(encoding="utf-8") == text


def test_a_message_out_of_a_batch_keeps_an_envelope_without_its_sender(site: Path, data: Path) -> None:
    envelope = b"FHS|^~\\&|SECRETAPP|SECRETPLACE\rBHS|^~\\&|SECRETAPP\r"
    number = store(data, "northfield_lims", sample("northfield_result_final"), envelope=envelope)
    result = gatepost("keep", number, site, "--data", data, "--route", "gp_results", "--write")
    kept = (site / "samples" / "gp_results_oru_r01.hl7").read_text(encoding="utf-8")

    assert result.exit_code == 0, result.output
    assert kept.startswith("FHS|^~\\&\nBHS|^~\\&\nMSH|")
    assert kept.endswith("BTS|1\nFTS|1\n")
    assert "SECRET" not in kept


def test_where_what_was_replaced_decides_it_is_said(site: Path, data: Path) -> None:
    route = site / "routes" / "adt_archive.yaml"
    text = route.read_text(encoding="utf-8").split("\ntests:\n")[0]
    text = text.replace(
        "\nsend:\n", "  - unless: PID-5.1 = 'OKONEDO'\n    else: {hold: known_person}\n\nsend:\n"
    )
    route.write_text(f"{text}\n", encoding="utf-8")
    number = store(data, "northfield_pas", sample("northfield_admission"))
    result = gatepost("keep", number, site, "--data", data, "--route", "adt_archive")

    assert "takes another way than the real one" in result.stderr
    assert "  real: held: known_person" in result.stderr
    assert "      sent:\n        adt_archive:" in result.stdout


def test_the_hour_belongs_to_the_test_where_it_decides(site: Path, data: Path) -> None:
    settings = site / "gatepost.yaml"
    hours = 'hours:\n  working: {zone: Europe/London, monday_to_friday: "08:00-18:30"}\n'
    settings.write_text(settings.read_text(encoding="utf-8") + hours, encoding="utf-8")
    route = site / "routes" / "adt_archive.yaml"
    text = route.read_text(encoding="utf-8").split("\ntests:\n")[0]
    text = text.replace(
        "\nsend:\n", "  - that: received in hours working\n    else: {hold: at_night}\n\nsend:\n"
    )
    route.write_text(f"{text}\n", encoding="utf-8")
    night = 1_773_100_800_000_000  # 2026-03-10T00:00Z
    number = store(data, "northfield_pas", sample("northfield_admission"), night)
    result = gatepost("keep", number, site, "--data", data, "--route", "adt_archive", "--write")

    assert result.exit_code == 0, result.output
    assert "    received: 2026-03-10T00:00:00+00:00\n" in route.read_text(encoding="utf-8")


def test_what_cannot_be_kept_is_told(site: Path, data: Path) -> None:
    number = store(data, "northfield_lims", sample("northfield_result_final"))
    nobody = gatepost("keep", number + 1, site, "--data", data, "--route", "gp_results")
    unknown = gatepost("keep", number, site, "--data", data, "--route", "gp_result")
    other = gatepost("keep", number, site, "--data", data, "--route", "gp_letters")

    assert (nobody.exit_code, unknown.exit_code, other.exit_code) == (1, 2, 1)
    assert "There is no message 2" in nobody.stderr
    assert 'did you mean "gp_results"?' in unknown.stderr
    assert 'whose messages do not come to route "gp_letters"' in other.stderr
    assert sorted((site / "samples").iterdir()) == sorted(
        site / "samples" / file.name for file in (EXAMPLE / "samples").iterdir()
    )
