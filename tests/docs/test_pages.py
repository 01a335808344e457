"""Documents lead where they say, name what exists, and hold nothing of the machine they were written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli import COMMANDS, main
from tests.docs.pages import DOCS, ROOT, pages, prose_of

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)\s]+)\)")
LATER = {"test", "schema", "replay", "trace", "held", "parked", "release", "resend"}
LATER |= {"redirect", "discard", "top", "logs"}
PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


def anchors(page: Path) -> set[str]:
    """What `#…` may name in a page, as GitHub makes it from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose_of(page)):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_no_page_holds_a_path_of_the_machine_it_was_written_on(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert re.findall(r"(?<![\w.])/(?:home|root|work|tmp|Users)/\S*", text) == []
    assert str(ROOT) not in text


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_that_a_page_shows_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wrong = []
    for name, rest in re.findall(r"\bgatepost ([a-z]+)\b([^\n`|#]*)", text):
        if name in COMMANDS:
            command = main.get_command(None, name)  # type: ignore[arg-type] # it asks nothing of its context
            assert command is not None
            known = {option for each in command.params for option in each.opts} | {"--help"}
            wrong += [f"{name} {o}" for o in re.findall(r"(?<=\s)--[a-z-]+", rest) if o not in known]
        elif f"`gatepost {name}" in text and not (page.name == "commands.md" and name in LATER):
            wrong.append(name)

    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:routes|engine|channels|tests|bench|tools|config)/[\w./-]+)`", text)
    # `routes/` is also a folder of a site, NAME stands for one's own, and the example site lies in the wheel.
    of_sites = re.compile(r"routes/\w+\.yaml|.*NAME.*|routes/|engine/example_site")

    assert [name for name in named if not of_sites.fullmatch(name) and not (ROOT / name).exists()] == []


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        todo += [(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(prose_of(page))]

    assert [page.name for page in DOCS.rglob("*.md") if page.resolve() not in reached] == []
