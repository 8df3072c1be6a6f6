"""`workcell tags check | discover | watch`: the tag table, and the devices behind it."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live

from workcell_console.commands.cell_page import NothingYetError, add_where, page_of
from workcell_console.tag_proposals import proposal_lines
from workcell_console.tag_watch import Board, DirectFeed, Feed, readings_of
from workcell_ros.config import load_yaml
from workcell_ros.errors import ConfigError, WorkcellError
from workcell_sensors.reading import Reading
from workcell_sensors.sources.assembly import SourceDefaults, make_spec
from workcell_sensors.sources.credentials import FILE_VARIABLE, load_credentials
from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.registry import PROTOCOLS, discoverer
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec
from workcell_sensors.sources.worker import quiet_libraries
from workcell_sensors.tags import SourceRow, TagTable, load_tags, parse_sources, problems
from workcell_sim.embedded import activate

DEFAULT_FILE = Path("config/tags.yaml")
DISCOVERY_LIMIT_S = 60.0
REFRESH_HZ = 4.0
PIPE_COLUMNS = 160
"""Width where the output is no terminal."""
_ADDRESS = re.compile(r"(?P<protocol>\w+)://(?P<host>[^:/\s]+|\[[0-9a-fA-F:]+\])(:(?P<port>\d{1,5}))?/?")


def add(subparsers: Any) -> None:
    """Describes the commands."""
    parser = subparsers.add_parser("tags", help="check the tag table, browse a device, watch live values")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    check = _verb(verbs, "check", _check, "check a tag file and list everything that is wrong with it")
    check.add_argument("file", nargs="?", type=Path, help=f"default: {DEFAULT_FILE}, or the package's")

    discover = _verb(verbs, "discover", _discover, "browse a device and print tag rows ready to paste")
    discover.add_argument("source", help="a source of the tag file, or PROTOCOL://HOST[:PORT]")
    discover.add_argument("--below", default="", help="where to start: a node id, a topic filter, a device")
    discover.add_argument("--listen", type=float, default=10.0, metavar="S", help="how long to listen; default 10")
    discover.add_argument("--rows", type=int, default=1000, metavar="N", help="stop after so many; default 1000")

    watch = _verb(verbs, "watch", _watch, "show live values: of the running cell, or straight from the sources")
    watch.add_argument("sources", nargs="*", help="only these sources")
    watch.add_argument("--direct", action="store_true", help="straight from the sources even where a cell runs")
    watch.add_argument("--seconds", type=float, default=0.0, help="stop after so long; default: go on")
    add_where(watch)
    for verb in (discover, watch):
        verb.add_argument("--file", type=Path, help=f"the tag file; default: {DEFAULT_FILE}, or the package's")
        verb.add_argument("--host", default="127.0.0.1", help="where sources are that the file gives no host for")
        verb.add_argument("--credentials", default="", metavar="FILE", help="the credentials file")


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
    verb = verbs.add_parser(name, help=text, description=text)
    verb.set_defaults(run=run)
    return verb


def _tag_file(options: argparse.Namespace) -> Path:
    if options.file is not None:
        return Path(options.file)
    if DEFAULT_FILE.is_file():
        return DEFAULT_FILE
    activate()
    from ament_index_python.packages import get_package_share_directory

    return Path(get_package_share_directory("workcell")) / DEFAULT_FILE


def _check(options: argparse.Namespace) -> int:
    file = _tag_file(options)
    found = problems(file)
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    if found:
        return 2
    table = load_tags(file)
    for name, row in table.sources.items():
        where = f" at {row.host or 'the default host'}{f':{row.port}' if row.port else ''}"
        print(f"{name}: {row.protocol}{where}, {len(table.of_source(name))} tags{_credentials_note(row)}")
    print(f"{file}: {len(table)} tags of {len(table.sources)} sources, all well-formed")
    return 0


def _credentials_note(row: SourceRow) -> str:
    if not row.credentials:
        return ""
    try:
        load_credentials(row.credentials, os.environ.get(FILE_VARIABLE, ""), os.environ)
    except ConfigError as error:
        return f"; credentials {row.credentials}: {error.problem} here"
    return f"; credentials {row.credentials}: found"


def _discover(options: argparse.Namespace) -> int:
    quiet_libraries()
    if options.rows < 1 or not 0.0 < options.listen < DISCOVERY_LIMIT_S * 60:
        raise WorkcellError("--rows is 1 or more and --listen a positive number of seconds, at most an hour")
    row = _source_row(options)
    request = DiscoveryRequest(options.rows, options.listen, options.below)
    spec = make_spec(row, (), _defaults(options, timeout_s=5.0), os.environ)
    proposals = asyncio.run(_browse(spec, request))
    if not proposals:
        print(f"{row.name}: {spec.host}:{spec.port} offers nothing to read", file=sys.stderr)
        return 1
    print("\n".join(proposal_lines(row.name, proposals)))
    return 0


async def _browse(spec: SourceSpec, request: DiscoveryRequest) -> Sequence[ProposedTag]:
    where = f"{spec.name}: {spec.host}:{spec.port}" if spec.port else spec.name
    browse = discoverer(spec.row.protocol)
    try:
        async with asyncio.timeout(DISCOVERY_LIMIT_S + request.listen_s):
            return await browse(spec, request)
    except TimeoutError:
        raise WorkcellError(f"{where}: no answer in time; is the device there?") from None
    except (OSError, LinkLost, ValueError) as error:
        raise WorkcellError(f"{where}: {' '.join(str(error).split()) or type(error).__name__}") from None


def _source_row(options: argparse.Namespace) -> SourceRow:
    found = _ADDRESS.fullmatch(options.source)
    if found is not None:
        if found["protocol"] not in PROTOCOLS:
            raise ConfigError("command line", "SOURCE", f"protocol {found['protocol']!r} is unknown", PROTOCOLS)
        return SourceRow("device", found["protocol"], found["host"].strip("[]"), int(found["port"] or 0))
    if "@" in options.source:
        valid = "PROTOCOL://HOST[:PORT], or a source of the tag file that names its credentials"
        raise ConfigError("command line", "SOURCE", "names a user", valid)
    # Only the sources: a table of tags is what discovery is to make.
    file = _tag_file(options)
    sources = parse_sources(file, load_yaml(file).get("sources"))
    if options.source not in sources:
        raise ConfigError(file, "sources", f"has no {options.source!r}", [*sources, "PROTOCOL://HOST[:PORT]"])
    return sources[options.source]


def _watch(options: argparse.Namespace) -> int:
    file = _tag_file(options)
    table = load_tags(file)
    names = options.sources or [name for name in table.sources if table.of_source(name)]
    for name in names:
        if name not in table.sources:
            raise ConfigError(file, "sources", f"has no {name!r}", table.sources)
    tags = [row.tag for name in names for row in table.of_source(name)]
    feed: Feed = _feed(options, table, names)
    board = Board(table)
    title = f"{file}, {'straight from the sources' if isinstance(feed, DirectFeed) else 'from the running cell'}"
    end = time.monotonic() + options.seconds if options.seconds > 0.0 else float("inf")

    def picture() -> Group:
        return Group(board.render(tags, time.time_ns(), title), *feed.lines())

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_COLUMNS)
    try:
        with Live(picture(), console=console, auto_refresh=False, transient=not console.is_terminal) as live:
            while time.monotonic() < end:
                board.take(feed.poll())
                if console.is_terminal:
                    live.update(picture(), refresh=True)
                time.sleep(1.0 / REFRESH_HZ)
        if not console.is_terminal:
            console.print(picture())
    finally:
        feed.close()
    return 0


def _feed(options: argparse.Namespace, table: TagTable, names: Sequence[str]) -> Feed:
    if not options.direct:
        try:
            feed = CellFeed(options, table)
            feed.poll()
            return feed
        except WorkcellError:
            if options.run_dir is not None or options.page:
                raise
    return DirectFeed(table, names, _defaults(options))


def _defaults(options: argparse.Namespace, timeout_s: float = 1.0) -> SourceDefaults:
    return SourceDefaults(options.host, timeout_s=timeout_s, credentials_file=options.credentials)


class CellFeed:
    """Listens to the running cell's `readings` through its console, so on either runtime."""

    def __init__(self, options: argparse.Namespace, table: TagTable) -> None:
        self._page = page_of(options)
        self._table = table

    def poll(self) -> Sequence[Reading]:
        """Returns the readings of the next message."""
        try:
            return readings_of(self._page.ask("api/graph/echo", name="readings"), self._table)
        except NothingYetError:
            return []

    def lines(self) -> Sequence[str]:
        """Returns nothing: the cell's page shows its sources."""
        return []

    def close(self) -> None:
        """Ends nothing: each request stands alone."""
