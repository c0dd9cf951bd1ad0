"""detente feed: what the node hears live, tried out, and recordings replayed into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.options import Directory, OutputOption, Post
from detente.cli.output import answered, show_table
from detente.cli.wording import echo, language, words

if TYPE_CHECKING:
    from detente.feeds.live.health import FeedHealth
    from detente.feeds.live.settings import FeedSettings
    from detente.watch.sighting import Sighting

FeedKindWord = Annotated[
    str,
    typer.Argument(
        help="beast, avr, sbs, aircraft-json, asterix, cot, mavlink, ogn, json, replay, or cot-out, which sends: "
        "docs/reference/feeds.md."
    ),
]
WherePlace = Annotated[
    str,
    typer.Argument(
        help="host:port, perhaps after tcp://, tls://, listen:// or udp://; an address of HTTP; a file; - for "
        "standard input."
    ),
]
FeedOptionWords = Annotated[
    list[str] | None, typer.Argument(help="name=value for each option of the kind, such as poll_s=2.")
]
SHOWN_AIRCRAFT = 10


def add(
    kind: FeedKindWord,
    where: WherePlace,
    directory: Directory,
    name: Annotated[str, typer.Option("--name", help="What the feed is called.")],
    options: FeedOptionWords = None,
    *,
    ours: Annotated[bool, typer.Option("--ours", help="All aircraft of this feed are ours.")] = False,
    output: OutputOption = None,
) -> None:
    """Let the node hear a feed from its next start on."""
    from detente.feeds.live.settings import FEEDS_FILE, add_feed
    from detente.link.directory import NodeDirectory

    NodeDirectory(directory).check()
    added = _settings(name, kind, where, options or [], ours=ours)
    add_feed(directory / FEEDS_FILE, added)
    if not answered(output, _document(added), [name]):
        echo(words("feed.added", name=name, kind=added.kind.value, where=added.where))


def list_feeds(directory: Directory, output: OutputOption = None) -> None:
    """List the node's feeds."""
    from detente.feeds.live.settings import FEEDS_FILE, read_feeds
    from detente.link.directory import NodeDirectory

    NodeDirectory(directory).check()
    feeds = read_feeds(directory / FEEDS_FILE)
    if answered(output, [_document(one) for one in feeds], (one.name for one in feeds)):
        return
    rows = [
        (one.name, one.kind.value, one.where, words("feed.ours") if one.ours else "", _options_text(one))
        for one in feeds
    ]
    show_table(("feed", "feed_kind", "place", "owner", "feed_options"), rows)


def remove(
    name: Annotated[str, typer.Argument(help="The name of the feed.")],
    directory: Directory,
    output: OutputOption = None,
) -> None:
    """Let the node hear a feed no longer, from its next start on."""
    from detente.feeds.live.settings import FEEDS_FILE, remove_feed
    from detente.link.directory import NodeDirectory

    NodeDirectory(directory).check()
    remove_feed(directory / FEEDS_FILE, name)
    if not answered(output, {"name": name}, [name]):
        echo(words("feed.removed", name=name))


def try_out(
    kind: FeedKindWord,
    where: WherePlace,
    options: FeedOptionWords = None,
    for_time: Annotated[str, typer.Option("--for", help="How long to listen: 10s, 1min.")] = "10s",
    output: OutputOption = None,
) -> None:
    """Listen to a feed for some seconds and show what is heard; nothing is kept.

    Exit code 4 when nothing was heard.
    """
    import msgspec

    from detente.cli.exit_codes import ExitCode
    from detente.cli.quantities import TIME_UNITS_S, quantity

    settings = _settings("tried", kind, where, options or [], ours=False)
    if settings.sends:
        raise Refusal("feeds_live.feed_that_brings", "kind", settings.kind.value)
    health, aircraft = _heard(settings, quantity(for_time, TIME_UNITS_S, "--for"))
    document = {
        "health": {name: value for name, value in msgspec.to_builtins(health).items() if name not in {"name", "ours"}},
        "aircraft": [msgspec.to_builtins(one) for one in aircraft],
    }
    if not answered(output, document, (one.address or one.identity for one in aircraft)):
        _show(health, aircraft)
    if not health.messages:
        raise typer.Exit(ExitCode.NOT_YET)


def fault(
    name: Annotated[str, typer.Argument(help="The name of the feed.")],
    directory: Directory,
    faults: Annotated[
        list[str] | None,
        typer.Argument(metavar="FAULT", help="silent, shifted, stuck_height, doubled_address, integrity_lost."),
    ] = None,
    post: Post = "",
    output: OutputOption = None,
) -> None:
    """Put faults into a feed of a running exercise; none makes it sound again. Refused in earnest."""
    import json

    from detente.cli import claims_values as values

    body = {"by": post, "faults": faults or []}
    answer = values.node(directory).post("watch", "feeds", name, "faults", body=json.dumps(body).encode())
    if not answered(output, answer, answer["faults"]):
        echo(words("feed.faults", name=name, faults=", ".join(answer["faults"]) or "-"))


def replay(
    file: Annotated[Path, typer.Argument(help="Recorded reports in any format of flown tracks.")],
    to: Annotated[str, typer.Option("--to", help="host:port where a feed of the kind json listens.")],
    speed: Annotated[float, typer.Option("--speed", help="How many times as fast as it was recorded.")] = 1.0,
    times: Annotated[
        str, typer.Option("--times", help="Which time the reports say: that of the recording (kept), or now.")
    ] = "now",
    output: OutputOption = None,
) -> None:
    """Send recorded reports to a feed, one JSON line each, when their time has come."""
    import asyncio

    from detente.feeds.live.replaying import send_replay
    from detente.feeds.live.settings import FeedKind

    settings = _settings("replay", FeedKind.REPLAY, str(file), [f"speed={speed!r}", f"times={times}"], ours=False)
    sent = asyncio.run(send_replay(settings, to))
    if not answered(output, {"sent": sent}, [sent]):
        echo(words("feed.sent", count=sent, to=to))


def _settings(name: str, kind: str, where: str, options: Sequence[str], *, ours: bool) -> FeedSettings:
    """Return the settings of a feed as they were typed; files are found from anywhere."""
    from detente.feeds.live.settings import settings_of_words

    said = {}
    for word in options:
        option, separator, value = word.partition("=")
        if not separator or not option:
            raise Refusal("feeds_live.name_and_value", "options", word)
        said[option] = value
    return settings_of_words(name, kind.lower(), where, said, ours=ours)


def _document(feed: FeedSettings) -> object:
    import msgspec

    return msgspec.to_builtins(feed)


def _options_text(feed: FeedSettings) -> str:
    import msgspec

    return " ".join(f"{name}={value}" for name, value in msgspec.to_builtins(feed.options).items())


def _heard(settings: FeedSettings, seconds: float) -> tuple[FeedHealth, list[Sighting]]:
    """Return the health of a feed after so many seconds, and each aircraft as it was heard last."""
    import asyncio
    import time

    from detente.feeds.live.supervisor import LiveFeeds

    aircraft: dict[str, Sighting] = {}

    async def take(batch: tuple[Sighting, ...]) -> None:
        aircraft.update({one.address or one.identity: one for one in batch})

    async def listen() -> FeedHealth:
        live = LiveFeeds((settings,), time.time, take)
        try:
            async with asyncio.timeout(seconds):
                await live.run()
        except TimeoutError:
            pass
        return live.health()[0]

    health = asyncio.run(listen())
    return health, [aircraft[name] for name in sorted(aircraft)]


def _show(health: FeedHealth, aircraft: list[Sighting]) -> None:
    from detente.language.figures import altitude, position

    echo(
        words(
            "feed.heard",
            state=words(f"feed.states.{health.state}"),
            messages=health.messages,
            errors=health.errors,
            unused=health.unused,
            sightings=health.sightings,
            aircraft=len(aircraft),
            per_s=f"{health.messages_per_s:.1f}",
        )
    )
    rows = []
    for one in aircraft[:SHOWN_AIRCRAFT]:
        pressure_m, geometric_m = one.pressure_altitude_m, one.geometric_altitude_m
        height_m = geometric_m if pressure_m is None else pressure_m
        height = "" if height_m is None else altitude(language(), height_m, standard_pressure=pressure_m is not None)
        name = " ".join(filter(None, (one.address or one.identity, one.callsign)))
        rows.append((name, one.source.value, position(one.latitude_deg, one.longitude_deg), height))
    if rows:
        show_table(("aircraft", "feed_source", "place", "height"), rows)
    if len(aircraft) > SHOWN_AIRCRAFT:
        echo(words("feed.more", count=len(aircraft) - SHOWN_AIRCRAFT))
    if health.last_error is not None:
        echo(words("feed.last_error", error=health.last_error.sentence(language())), err=True)


COMMANDS = {
    "feed": {"add": add, "list": list_feeds, "remove": remove, "try": try_out, "fault": fault, "replay": replay}
}
