"""Loads a site folder: files, environment, secrets, checks, and the compiled plan; or says what is wrong.

Every mistake is a problem with its place and remedy, and all of them are found in one go. Must not know
the engine that will run the site.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.site.channels import Surroundings, read_channels
from engine.site.feeds import Broker, check_queues, read_feeds
from engine.site.files import SiteFiles, read_folder
from engine.site.model import ChannelSettings, Feed, Site
from engine.site.overlay import OPTIONS, lay_over, tree_of
from engine.site.secrets import MASK
from engine.site.settings import Settings, read_settings
from routes.language.nearest import did_you_mean, nearest
from routes.language.plan import compile_plan
from routes.language.problems import Problem, Problems, Spot
from routes.language.source import Block, Node, Scalar, read_yaml

__all__ = ["PLUGINS", "hash_of", "load_kept", "load_site"]

PLUGINS = "(plugins)"
"""What stands for the file name of the plugin steps that took part, among the texts of a configuration."""

_CLEAR = re.compile(r"(?<=://)([^\s/:@]*):(?!\$\{)\S+(?=@)")  # a password in an address


@dataclass(slots=True)
class _Trees:
    """The three files of a site as nodes, with whatever was laid over them."""

    settings: Node
    feeds: Node
    channels: Node


def load_site(
    folder: Path,
    environment: str = "",
    *,
    overrides: Mapping[str, object] = {},
    environ: Mapping[str, str] | None = None,
    instead: Mapping[str, str] | None = None,
    to_run: bool = False,
) -> tuple[Site | None, list[Problem]]:
    """The site of a folder, and every problem found, in file order. No site where one is an error.

    environment: the name of a file in environments/, laid over the site's own files. overrides: settings
    that lie over everything, as {"broker": "embedded", "feeds.ward_pas.listen": "127.0.0.1:0"}. environ:
    where `${env:NAME}` is looked up; the process's own unless given. A port 0 in `overrides` means any
    free port. instead: texts by their names within the site, in place of the files on disk. to_run: the
    engine is to be started with it, as it is also understood where an environment is named.
    """
    problems = Problems()
    files = read_folder(folder, problems, instead)
    if files is None:
        return None, problems.in_order()
    trees = _trees(files, environment, tree_of(overrides), problems)
    site = None
    if trees is not None:
        secrets = os.environ if environ is None else environ
        site = _site(folder, environment, files, trees, secrets, problems, to_run=to_run or bool(environment))
    return (None if problems.errors else site), problems.in_order()


def load_kept(
    folder: Path, sources: Mapping[str, str], *, environ: Mapping[str, str] | None = None
) -> tuple[Site | None, list[Problem]]:
    """A site as it was, from the texts that were kept of it (`Site.sources`), or the problems that it has
    today: a plugin or a secret that is gone. folder: where certificates and the like are looked for.

    Only its decisions are as they were: no text holds a secret, nor a broker's address from the command line.
    """
    problems = Problems()
    files = SiteFiles({name: text for name, text in sources.items() if not name.startswith("(")})
    environments = files.environments()
    lines = [line.partition(": ") for line in sources.get(OPTIONS, "").splitlines()]
    overrides = {path: value for path, _, value in lines if path != "broker"}
    trees = _trees(files, environments[0] if environments else "", tree_of(overrides), problems)
    site = None
    if trees is not None:
        environ = os.environ if environ is None else environ
        name = environments[0] if environments else ""
        site = _site(folder, name, files, trees, environ, problems, to_run=True, tried=False)
    if site is not None and site.sources.get(PLUGINS) != sources.get(PLUGINS):
        problems.add(
            Spot(PLUGINS), "Its plugin steps are installed in another version now.", "plugin-version"
        )
    return (None if problems.errors else site), problems.in_order()


# -- from files to trees --------------------------------------------------------------------------------


def _trees(files: SiteFiles, environment: str, options: Block, problems: Problems) -> _Trees | None:
    """Read the three files, lay the environment and the options over them. None where one is unreadable."""
    names = ("gatepost.yaml", "feeds.yaml", "channels.yaml")
    nodes = [read_yaml(name, files.texts[name], problems) for name in names if name in files.texts]
    readable = [node for node in nodes if node is not None]
    layers = [_environment(files, environment, problems)] if environment else []
    if len(readable) < len(names) or None in layers:
        return None
    trees = _Trees(*readable)
    for layer in (*layers, options):
        if isinstance(layer, Block):
            _lay_over_all(trees, layer, problems)
        elif layer is not None:
            problems.add(
                layer.spot, "An environment file holds keys with values, as gatepost.yaml does.", "wrong-kind"
            )
    return trees


def _environment(files: SiteFiles, environment: str, problems: Problems) -> Node | None:
    name = f"environments/{environment}.yaml"
    if name not in files.texts:
        known = files.environments()
        problems.add(
            Spot("environments"),
            f'There is no environment "{environment}"{did_you_mean(environment, known)}',
            "unknown-environment",
            fix=nearest(environment, known),
        )
        return None
    return read_yaml(name, files.texts[name], problems)


def _lay_over_all(trees: _Trees, layer: Block, problems: Problems) -> None:
    """What differs goes where it belongs: below `feeds`, below `channels`, or into gatepost.yaml."""
    for key, value in layer.entries:
        if key.value == "feeds":
            trees.feeds = lay_over(trees.feeds, _known_only("feed", key, trees.feeds, value, problems))
        elif key.value == "channels":
            trees.channels = lay_over(
                trees.channels, _known_only("channel", key, trees.channels, value, problems)
            )
        else:
            trees.settings = lay_over(trees.settings, Block(((key, value),), layer.spot))


def _known_only(what: str, key: Scalar, base: Node, over: Node, problems: Problems) -> Block:
    """What a layer says of feeds (or channels) that there are. A new name is most likely a slip."""
    inside = base.get(f"{what}s") if isinstance(base, Block) else None
    if not isinstance(inside, Block) or not isinstance(over, Block):
        return Block(((key, over),), over.spot)
    known = [name.value for name, _ in inside.entries]
    kept: list[tuple[Scalar, Node]] = []
    for name, value in over.entries:
        if name.value in known:
            kept.append((name, value))
        else:
            problems.add(
                name.spot,
                f'There is no {what} "{name.value}" in {what}s.yaml for this to change'
                + did_you_mean(name.value, known),
                f"unknown-{what}",
                fix=nearest(name.value, known),
            )
    return Block(((key, Block(tuple(kept), over.spot)),), over.spot)


# -- from trees to a site -------------------------------------------------------------------------------


def _site(
    folder: Path,
    environment: str,
    files: SiteFiles,
    trees: _Trees,
    environ: Mapping[str, str],
    problems: Problems,
    *,
    to_run: bool,
    tried: bool = True,
) -> Site | None:
    """tried: whether the tests of its routes are looked at, which need its samples."""
    root = folder.resolve()
    settings = read_settings(trees.settings, root, environ, problems)
    # Without readable settings nothing is known of a broker: better silent than wrong.
    broker = Broker(settings is None or settings.brokers.wanted, to_run)
    feeds, feed_facts = read_feeds(trees.feeds, root, problems, broker)
    around = Surroundings(
        root,
        settings.data if settings else root / "var",
        {Path(name).stem: text for name, text in files.texts.items() if name.endswith(".csv")},
        broker.there,
        to_run,
    )
    channels, channel_facts = read_channels(trees.channels, around, problems)
    check_queues(feeds, channels, feed_facts, problems)
    if settings is None or not feed_facts or not channel_facts:
        return None  # without them every route would be blamed for naming what is not there
    samples = files.samples if tried else None
    plan = compile_plan(files.sources(), feed_facts, channel_facts, settings.facts, problems, samples)
    if plan is None:
        return None
    sources = _sources(files, environment, trees, settings)
    return Site(
        settings.name,
        root,
        settings.data,
        feeds,
        channels,
        plan,
        hash_of(sources),
        environment,
        settings.brokers.urls,
        settings.brokers.shown,
        settings.limits,
        sources,
        _beside(feeds, channels, settings),
        settings.watch,
        settings.timezone,
        settings.repair,
        settings.returns_overdue,
    )


def _beside(
    feeds: Mapping[str, Feed], channels: Mapping[str, ChannelSettings], settings: Settings
) -> tuple[Path, ...]:
    """The files outside the site folder's rooms that the site depends on: certificates, keys and secrets."""
    kinds = [*(feed.tls for feed in feeds.values()), *(channel.tls for channel in channels.values())]
    files = [
        file
        for tls in kinds
        if tls is not None
        for file in (tls.certificate, tls.key, tls.client_ca, tls.ca)
        if file is not None
    ]
    return tuple(dict.fromkeys([*files, *settings.brokers.secrets]))


def _sources(files: SiteFiles, environment: str, trees: _Trees, settings: Settings) -> dict[str, str]:
    """Every text that influences behaviour, by path: the site's files and the environment's, the plugins and
    the options. References to secrets stand as they are written, and a password in clear is masked."""
    sources = {
        name: _CLEAR.sub(rf"\1:{MASK}", text) if name.startswith("environments/") or "/" not in name else text
        for name, text in files.texts.items()
        if not name.startswith("environments/") or name == f"environments/{environment}.yaml"
    }
    plugins = settings.facts.plugins.values()
    if plugins:
        sources[PLUGINS] = "".join(f"{plugin.name}@{plugin.version} {plugin.hash}\n" for plugin in plugins)
    options = [line for tree in (trees.settings, trees.feeds, trees.channels) for line in _options(tree, "")]
    lines = [
        f"{path}: {settings.brokers.shown if path == 'broker' else value}\n"
        for path, value in options
        if path != "data"
    ]
    if lines:
        sources[OPTIONS] = "".join(lines)
    return sources


def hash_of(sources: Mapping[str, str]) -> str:
    """SHA-256 over the texts of a configuration: its name in the journal, in logs and in headers."""
    digest = hashlib.sha256()
    for name, text in sorted(sources.items()):
        digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
    return digest.hexdigest()


def _options(node: Node, path: str) -> list[tuple[str, str]]:
    """Every text that came from the command line, with its path in the tree."""
    if isinstance(node, Scalar):
        return [(path, node.value)] if node.spot.file == OPTIONS else []
    if isinstance(node, Block):
        return [
            found
            for key, value in node.entries
            for found in _options(value, f"{path}.{key.value}" if path else key.value)
        ]
    return [found for item in node.items for found in _options(item, path)]
