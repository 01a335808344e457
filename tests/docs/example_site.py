"""Makes a whole site around a piece of YAML from the documents, so that the real loader can read it.

The site is a copy of the example site, with the feeds' data folder, hours and patterns of the page. A piece
takes the place of what it is a piece of.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.site.loading import load_site
from engine.site.model import Site
from routes.language.problems import Problem
from tests.docs.pages import ROOT, Block

FEED = "westmoor_letters"  # acknowledges when_routed, so that examples may reject
LIVE = {"RABBIT_PASSWORD": "tr0ut"}
WRAPPED = {
    "check": "route: example\nfrom: [{feed}]\ncheck:\n{text}send:\n  - to: archive\n",
    "change": "route: example\nfrom: [{feed}]\nchange:\n{text}send:\n  - to: archive\n",
    "send": "route: example\nfrom: [{feed}]\nsend:\n{text}",
}
WHOLE = {
    "gatepost": "gatepost.yaml",
    "feeds": "feeds.yaml",
    "channels": "channels.yaml",
    "route": "routes/example.yaml",
    "dialect": "dialects/example.yaml",
    "guard": "guards/example.yaml",
    "table": "tables/gp_directory.yaml",
    "environment": "environments/example.yaml",
}
KINDS = (*WHOLE, *WRAPPED)


def load_around(block: Block, folder: Path, words: str = "") -> tuple[Site | None, list[Problem]]:
    """Load the example site with the block in it. `words`: the gatepost.yaml whose hours and patterns hold."""
    site = Path(shutil.copytree(ROOT / "config", folder / "site"))
    kind = block.words[0]
    settings = site / "gatepost.yaml"
    if words:
        settings.write_text(words, encoding="utf-8")
    if kind in WRAPPED:
        for route in (site / "routes").iterdir():
            route.write_text(route.read_text(encoding="utf-8").replace(f"{FEED}", "westmoor_lims"), "utf-8")
        text = "".join(f"  {line}\n" for line in block.text.splitlines())
        wrapped = WRAPPED[kind].format(feed=FEED, text=text)
        (site / "routes" / "example.yaml").write_text(wrapped, encoding="utf-8")
    else:
        path = site / WHOLE[kind]
        path.write_text(block.text, encoding="utf-8")
    return load_site(site, "example" if kind == "environment" else "", environ=LIVE)
