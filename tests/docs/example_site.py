"""Makes a whole site around a piece of YAML from the documents, so that the real loader can read it.

The site is a copy of the example site, with the hours and patterns of a page where it has some, and the
code tables (csv) that it shows. A whole file takes the place of the site's own; steps and entries are
wrapped into a route, paths into a profile.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.site.loading import load_site
from engine.site.model import Site
from routes.language.problems import Problem
from tests.docs.pages import ROOT, Block, blocks_of

FEED = "westmoor_letters"  # acknowledges when_routed, so that examples may reject
LIVE = {"RABBIT_PASSWORD": "tr0ut"}
WRAPPED = {
    "check": "route: example\nfrom: [{feed}]\ncheck:\n{text}send:\n  - to: archive\n",
    "change": "route: example\nfrom: [{feed}]\nchange:\n{text}send:\n  - to: archive\n",
    "send": "route: example\nfrom: [{feed}]\nsend:\n{text}",
    "paths": "profile: example\npaths:\n{text}",
}
WHOLE = {
    "gatepost": "gatepost.yaml",
    "feeds": "feeds.yaml",
    "channels": "channels.yaml",
    "route": "routes/example.yaml",
    "dialect": "dialects/example.yaml",
    "guard": "guards/example.yaml",
    "profile": "profiles/example.yaml",
    "table": "tables/gp_directory.yaml",
    "environment": "environments/example.yaml",
}
KINDS = (*WHOLE, *WRAPPED)


def drop_tests(site: Path) -> None:
    """Take the tests out of every route of a copy whose dialects or guards are changed beyond them."""
    for route in (site / "routes").iterdir():
        head, _, _ = route.read_text(encoding="utf-8").partition("\ntests:\n")
        route.write_text(f"{head}\n", encoding="utf-8")


def load_around(block: Block, folder: Path, words: str = "") -> tuple[Site | None, list[Problem]]:
    """Load the example site with the block in it. `words`: a gatepost.yaml with hours and patterns."""
    site = Path(shutil.copytree(ROOT / "config", folder / "site"))
    for table in blocks_of(ROOT / block.page):
        if table.language == "csv" and table.words and table.words[0].startswith("tables/"):
            (site / table.words[0]).write_text(table.text, encoding="utf-8")
    kind, *tag = block.words
    settings = site / "gatepost.yaml"
    if words:
        settings.write_text(words, encoding="utf-8")
    if kind in WRAPPED:
        text = "".join(f"  {line}\n" for line in block.text.splitlines())
        wrapped = WRAPPED[kind].format(feed=FEED, text=text)
        folder_of_it = "profiles" if kind == "paths" else "routes"
        (site / folder_of_it / "example.yaml").write_text(wrapped, encoding="utf-8")
    elif tag:  # several routes that belong together carry the same word
        for one in blocks_of(ROOT / block.page):
            if one.words == block.words:
                name = one.text.partition("route: ")[2].partition("\n")[0]
                (site / "routes" / f"{name}.yaml").write_text(one.text, encoding="utf-8")
    else:
        (site / WHOLE[kind]).write_text(block.text, encoding="utf-8")
    return load_site(site, "example" if kind == "environment" else "", environ=LIVE)
