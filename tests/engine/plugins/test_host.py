"""Plugin steps in their own process: they are asked, bounded, and done without when they fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.plugins.discovery import fits_version, installed_steps
from engine.plugins.host import PluginHost

TEXT = "MSH|^~\\&|LAB|NORTH|||20260105||ADT^A08|7|P|2.4\rPID|1||9990000018^^^NHS^NH||Marsh^Ivy\rPV1|1|I\r"
Install = Callable[..., Path]


def host(step: str, *, time_limit: float = 10.0, memory: int = 512 << 20) -> PluginHost:
    return PluginHost(installed_steps()[f"trust_steps.{step}"], time_limit=time_limit, memory=memory)


def test_a_step_changes_the_message_by_its_settings(install: Install) -> None:
    install()
    plugin = host("tidy")

    assert "PID|1||9990000018^^^NHS^NH||MARSH-JONES^Ivy" in (plugin.run(TEXT, {"ending": "-JONES"}) or "")
    assert "||MARSH^Ivy" in (plugin.run(TEXT, {}) or "")


def test_its_sentence_is_the_first_paragraph_of_its_docstring(install: Install) -> None:
    install()

    assert host("tidy").describe() == "Writes the family name in capitals."


@pytest.mark.parametrize("step", ["slow", "crash", "greedy", "wrong", "missing"])
def test_a_step_that_fails_gives_nothing_and_the_next_question_is_asked_afresh(
    install: Install, step: str
) -> None:
    install()
    plugin = host(step, time_limit=0.5)

    assert plugin.run(TEXT, {}) is None
    assert plugin.run(TEXT, {}) is None


def test_a_step_that_crashed_once_works_again_when_it_can(install: Install) -> None:
    site = install()
    plugin = host("crash")
    assert plugin.run(TEXT, {}) is None
    (site / "trust_steps.py").write_text("def crash(message, settings):\n    return message\n")

    assert plugin.run(TEXT, {}) == TEXT


def test_an_overrun_ends_the_process(install: Install) -> None:
    install()
    plugin = host("slow", time_limit=0.2)
    plugin.run(TEXT, {})

    assert plugin._process is None


def test_a_plugin_sees_no_secret_of_the_engine(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    monkeypatch.setenv("RABBIT_PASSWORD", "sesame")

    assert "sesame" not in (host("nosy").run(TEXT, {}) or "sesame")


def test_text_that_no_charset_knows_passes_unharmed(install: Install) -> None:
    install()
    odd = TEXT.replace("Ivy", "Iv\udcff é")

    assert "Iv\udcff é" in (host("tidy").run(odd, {}) or "")


def test_another_file_is_another_hash_and_the_same_files_are_the_same(install: Install) -> None:
    install()
    first = installed_steps()["trust_steps.tidy"]
    again = installed_steps()["trust_steps.tidy"]
    install(steps="def tidy(message, settings):\n    return message\n")

    assert first == again
    assert installed_steps()["trust_steps.tidy"].hash != first.hash


@pytest.mark.parametrize(
    ("installed", "wanted", "fits"),
    [
        ("1.2", "1.2", True),
        ("1.2.3", "1.2", True),
        ("1.20", "1.2", False),
        ("1.3", "1.2", False),
        ("2", "2", True),
    ],
)
def test_a_version_is_pinned_as_far_as_it_is_written(installed: str, wanted: str, fits: bool) -> None:
    assert fits_version(installed, wanted) is fits
