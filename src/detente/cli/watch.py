"""detente watch: what flies, what the watch found, how its feeds stand; who has an alert; what was kept, again."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli import claims_values as values
from detente.cli.exit_codes import ExitCode
from detente.cli.names import meant
from detente.cli.options import Directory, OutputOption, Post, WindowOption
from detente.cli.output import answered
from detente.cli.wording import echo, language, say, say_counted, words
from detente.language import figures

if TYPE_CHECKING:
    from detente.api.client import NodeClient
    from detente.tasks.playing_again import PlayedLook
    from detente.watch.alert import Alert
    from detente.watch.sentences import AlertText

TRACK_ID = re.compile(r"t[0-9]+", re.ASCII)
AlertArgument = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's key, or how it begins.")]
NEAR_YOU = "aircraft_near_you"
TrackOption = Annotated[str, typer.Option("--track", help="Which of its tracks; needed where there are several.")]


def tracks(directory: Directory, output: OutputOption = None) -> None:
    """List what flies now, as all feeds together show it, with age, source, heights in both units and errors."""
    found = values.node(directory).get("watch", "tracks")
    rows = [dict(zip(found["columns"], row, strict=True)) for row in found["tracks"]]
    if answered(output, found, (row["track_id"] for row in rows)):
        return
    _table(("track", "aircraft", "place", "height", "speed", "age", "sources", "doubts"), [_track_row(r) for r in rows])
    say_counted("watching.tracks", len(rows))


def alerts(
    directory: Directory,
    *,
    ended: Annotated[bool, typer.Option("--ended", help="Those that are over too.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what no person has.")] = False,
    output: OutputOption = None,
) -> None:
    """List the alerts that stand, the most urgent first: what, how long there is, and who has it."""
    query = {"ended": str(ended).lower(), "waiting": str(waiting).lower()}
    found = values.node(directory).get("watch", "alerts", **query)
    if answered(output, found, (view["alert"]["key"] for view in found)):
        return
    _table(("alert", "level", "what", "left", "since", "with"), [_alert_row(view) for view in found])
    say_counted("watching.alerts", len(found))


def feeds(directory: Directory, output: OutputOption = None) -> None:
    """Show whether the watch runs, how each feed stands, and which hours of reports are kept."""
    found = values.node(directory).get("watch", "feeds")
    if answered(output, found, (feed["name"] for feed in found["feeds"])):
        return
    standing = found["standing"]
    if standing is None:
        say("watching.none")
    else:
        since = figures.utc_time(datetime.fromisoformat(standing["since"]))
        say("watching.runs" if standing["runs"] else "watching.stands", since=since, why=standing["why"] or "-")
    headings = ("feed", "kind", "standing", "age", "rate", "errors", "why")
    _table(headings, [_feed_row(feed) for feed in found["feeds"]])
    for name, faults in found["faults"].items():
        say("feed.faults", name=name, faults=", ".join(faults))
    if found["not_kept"]:
        say("watching.not_kept", why=found["not_kept"])
    for what in ("alerts_left_out", "tracks_unusable", "sightings_left_out"):
        if found[what]:
            say_counted(f"watching.{what}", found[what])
    say_counted("watching.hours", len(found["hours"]))


def conformance(directory: Directory, output: OutputOption = None) -> None:
    """Show how our aircraft kept to their plans, day by day: the share of time inside (F3548: 95 %), and excursions."""
    found = values.node(directory).get("watch", "conformance")
    if answered(output, found, (day["day"] for day in found)):
        return
    _table(("day", "flown", "inside", "over_10s", "over_60s"), [_conformance_row(day) for day in found])
    if not found:
        say("watching.no_conformance")


def bias(directory: Directory, output: OutputOption = None) -> None:
    """Show how the tracks that each peer tells differ from what our own feeds see: place, height and clock."""
    found = values.node(directory).get("watch", "bias")
    if answered(output, found, (one["party"] for one in found)):
        return
    _table(("party", "pairs", "north", "east", "height_shift", "clock"), [_bias_row(one) for one in found])
    if not found:
        say("watching.no_bias")


def take(alert: AlertArgument, directory: Directory, post: Post = "", output: OutputOption = None) -> None:
    """Take an alert: nobody else is called for it."""
    client = values.node(directory)
    key = meant("alert", alert, (view["alert"]["key"] for view in client.get("watch", "alerts")))
    answer = _posted(client, "alerts", key, "take", by=post)
    if not answered(output, answer, [key]):
        say("watching.taken", alert=key, journal_number=answer["journal_number"])


def call(
    alert: AlertArgument,
    directory: Directory,
    peer: Annotated[str, typer.Option("--peer", help="The party to say it to, where there are several.")] = "",
    output: OutputOption = None,
) -> None:
    """Say to the other side where ours is that an alert is about, as a coded message filled in: aircraft_near_you."""
    from detente.cli.line_values import encoded
    from detente.cli.names import peer_named
    from detente.link.directory import NodeDirectory

    client = values.node(directory)
    known = {view["alert"]["key"]: view for view in client.get("watch", "alerts")}
    view = known[meant("alert", alert, known)]
    first = next(iter(view["alert"].get("tracks", ())), "")
    ours = next((track for track in view["tracks"] if track["track_id"] == first), None)
    height = None if ours is None else _typed_height(ours)
    if ours is None or height is None or view["alert"].get("sides", [""])[0] != "ours":
        raise Refusal("watch.alert_of_ours", "alert", view["alert"]["key"])
    told_by = view["alert"].get("subject", "") if view["alert"]["key"].startswith("told:") else ""
    cards = [card.name for card in NodeDirectory(directory).trust.cards()]
    to = peer or told_by or (cards[0] if len(cards) == 1 else "")
    when = datetime.fromtimestamp(ours["at_s"], UTC).isoformat(timespec="seconds")
    where = f"{ours['latitude_deg']:.5f},{ours['longitude_deg']:.5f}"
    typed = (f"where={where}", f"height={height}", f"when={when}")
    body = {"peer": peer_named(directory, to), "code": NEAR_YOU, "parameters": encoded(NEAR_YOU, typed)}
    sent = client.post("line", "messages", body=json.dumps(body, default=str).encode())
    if not answered(output, sent, sent["message_ids"]):
        say("line.sent", ids=", ".join(sent["message_ids"]), journal_number=sent["journal_number"])


def _typed_height(track: dict[str, Any]) -> str | None:
    """A track's height as people type it; None where it has none."""
    for name, reference in (("pressure_altitude_m", "STD"), ("geometric_altitude_m", "WGS84")):
        if track.get(name) is not None:
            return f"{track[name]:.0f} m {reference}"
    return None


def observe_alert(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The alert's key, or how it begins; or a track.")],
    directory: Directory,
    track: TrackOption = "",
    ask: Annotated[list[str] | None, typer.Option("--ask", help="A party that is asked whose the track is.")] = None,
    tell: Annotated[list[str] | None, typer.Option("--tell", help="A party that is told what was seen.")] = None,
    post: Post = "",
    output: OutputOption = None,
) -> None:
    """Keep what the feeds saw of an alert, or of a track, as our observation; of a track, ask and tell others too."""
    client = values.node(directory)
    if not track and TRACK_ID.fullmatch(alert):
        body = {"by": post, "ask": ask or [], "tell": tell or []}
        answer = client.post("watch", "tracks", alert, "observe", body=json.dumps(body).encode())
        if not answered(output, answer, [answer["observation_id"]]):
            say("watching.observed", name=answer["observation_id"], journal_number=answer["journal_number"])
        return
    if ask or tell:
        raise Refusal("watch.track_to_ask", "--ask" if ask else "--tell", alert)
    known = client.get("watch", "alerts", ended="true")
    key = meant("alert", alert, (view["alert"]["key"] for view in known))
    answer = _posted(client, "alerts", key, "observe", by=post, track_id=track)
    name = answer["observation_id"]
    if not answered(output, answer, [name]):
        say("watching.observed", name=name, journal_number=answer["journal_number"])


def flies(
    aircraft: Annotated[str, typer.Argument(help="The 24-bit address, or the name that a feed gives.")],
    directory: Directory,
    plan: Annotated[str, typer.Argument(help="Our plan's id; nothing: it flies none any more.")] = "",
    post: Post = "",
    output: OutputOption = None,
) -> None:
    """Say which aircraft of ours flies a plan, so that it is held against it."""
    answer = _posted(values.node(directory), "flown", aircraft=aircraft.lower(), plan_id=plan, by=post)
    if not answered(output, answer, [aircraft]):
        say("watching.flies", aircraft=aircraft, plan=plan or "-", journal_number=answer["journal_number"])


def replay(
    directory: Directory,
    window: WindowOption = None,
    speed: Annotated[
        float, typer.Option(min=0.0, help="How much faster than it was; as fast as it goes unless said.")
    ] = 0.0,
    *,
    show_tracks: Annotated[bool, typer.Option("--tracks", help="Every track of every second too.")] = False,
    output: OutputOption = None,
) -> None:
    """Play a kept stretch again through the same tracks and alerts. No node is needed; nothing is written."""
    import time

    import msgspec

    from detente.tasks.playing_again import LONGEST_STRETCH_DAYS, KeptStretch

    stretch = KeptStretch(directory)
    if window is None:
        raise Refusal("watch.stretch", "--window", None, days=LONGEST_STRETCH_DAYS)
    times = {name: datetime.fromisoformat(said) for name, said in values.times(window).items()}
    began, shown, looks, raised, most = time.monotonic(), dict[str, str](), 0, 0, 0
    for look in stretch.looks(times["start"], times["end"]):
        looks += 1
        if speed:
            time.sleep(max(0.0, began + looks / speed - time.monotonic()))
        most = max(most, len(look.seen.tracks))
        now = {alert.key: alert.level.value for alert in look.seen.alerts}
        raised += len(now.keys() - shown.keys())
        if output:
            document = {
                "at_s": look.at_s,
                "alerts": msgspec.to_builtins(look.seen.alerts),
                "tracks": len(look.seen.tracks),
            }
            if show_tracks:
                document["tracks"] = msgspec.to_builtins(list(look.seen.tracks))
            echo(json.dumps(document, ensure_ascii=False))
        elif output is None:
            _say_look(look, shown, now, show_tracks=show_tracks)
        shown = now
    if output is None:
        say("watching.replayed", looks=looks, tracks=most, alerts=raised)


def verify(directory: Directory, output: OutputOption = None) -> None:
    """Hold every kept hour of reports against the journal. Exit code 3 when one is missing or is not what it was."""
    from msgspec import to_builtins

    from detente.tasks.playing_again import KeptStretch

    found = list(KeptStretch(directory).checked())
    wrong = [one for one in found if not one.is_same]
    if not answered(output, to_builtins(found), (one.hour.file for one in wrong)):
        for one in wrong:
            say("watching.hour_changed" if one.is_there else "watching.hour_gone", file=one.hour.file)
        say_counted("watching.verified", len(found) - len(wrong))
    if wrong:
        raise typer.Exit(ExitCode.NOT_PROVEN)


def _posted(client: NodeClient, *route: str, **body: str) -> Any:  # noqa: ANN401 - whatever the route answers
    return client.post("watch", *route, body=json.dumps(body).encode())


def _say_look(look: PlayedLook, before: dict[str, str], now: dict[str, str], *, show_tracks: bool) -> None:
    at = figures.utc_time(datetime.fromtimestamp(look.at_s, UTC))
    by_key = {alert.key: alert for alert in look.seen.alerts}
    for key, level in now.items():
        if before.get(key) != level:
            say(
                "watching.look.alert",
                at=at,
                level=words(f"watching.level.{level}"),
                what=_said(by_key[key]).why,
            )
    for key in before.keys() - now.keys():
        say("watching.look.over", at=at, alert=key)
    if show_tracks:
        for track in look.seen.tracks:
            place = figures.position(track.latitude_deg, track.longitude_deg)
            say("watching.look.track", at=at, track=track.track_id, place=place)


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> None:
    from detente.cli.tables import print_table

    print_table([words(f"watching.heading.{heading}") for heading in headings], rows)


def _track_row(track: dict[str, Any]) -> list[str]:
    tongue = language()
    names = [track["callsign"], *track["addresses"], *track["identities"]]
    error = figures.distance_km(tongue, track["horizontal_error_m"])
    place = f"{figures.position(track['latitude_deg'], track['longitude_deg'])} ±{error}"
    heights = []
    if track["pressure_altitude_m"] is not None:
        heights.append(figures.altitude(tongue, track["pressure_altitude_m"], standard_pressure=True))
    if track["geometric_altitude_m"] is not None:
        heights.append(words("watching.geometric", height=figures.height(tongue, track["geometric_altitude_m"])))
    within = f"±{figures.height(tongue, track['vertical_error_m'])}" if heights else words("watching.no_height")
    speed = f"{figures.number(tongue, track['ground_speed_mps'] * 3600 / figures.NAUTICAL_MILE_M)} kt"
    return [
        track["track_id"], " ".join(filter(None, names)) or "-", place, "\n".join([*heights, within]),
        f"{speed} {figures.number(tongue, track['track_deg'])}°", figures.duration(tongue, track["age_s"]),
        " ".join((*track["feeds"], *track["sources"])), " ".join(track["doubts"]) or "-",
    ]  # fmt: skip


def _bias_row(one: dict[str, Any]) -> list[str]:
    tongue = language()

    def shown(name: str, error: str, unit: str, decimals: int = 0) -> str:
        if one[name] is None:
            return words("watching.not_known")
        value, within = (figures.number(tongue, one[key], decimals) for key in (name, error))
        return f"{value} ±{within} {unit}"

    return [
        one["party"], words("watching.pairs", pairs=one["pairs"], aircraft=one["aircraft"]),
        shown("north_m", "shift_error_m", "m"), shown("east_m", "shift_error_m", "m"),
        shown("height_m", "height_error_m", "m"), shown("clock_s", "clock_error_s", "s", 2),
    ]  # fmt: skip


def _alert_row(view: dict[str, Any]) -> list[str]:
    from msgspec import convert

    from detente.watch.alert import Alert

    alert = convert(view["alert"], Alert)
    said = _said(alert)
    has_it = view["taken_by"] or words("watching.waits", post=view["called"] or "-")
    if view["ended_at"] is not None:
        has_it = words("watching.ended", time=figures.utc_time(datetime.fromisoformat(view["ended_at"])))
    since = figures.utc_time(datetime.fromisoformat(view["since"]))
    what = [said.why, " ".join((said.where, *said.heights)), said.way_out, ", ".join(said.doubts)]
    level = words(f"watching.level.{alert.level}")
    return [alert.key, level, "\n".join(filter(None, what)), said.time_left, since, has_it]


def _said(alert: Alert) -> AlertText:
    from detente.watch.sentences import alert_text

    return alert_text(language(), alert, alert.at_s)


def _conformance_row(day: dict[str, Any]) -> list[str]:
    tongue = language()
    share = 100.0 * day["inside_s"] / day["flown_s"] if day["flown_s"] else 100.0
    return [
        day["day"], figures.duration(tongue, day["flown_s"]), f"{figures.number(tongue, share, 1)} %",
        figures.number(tongue, day["over_10s"]), figures.number(tongue, day["over_60s"]),
    ]  # fmt: skip


def _feed_row(feed: dict[str, Any]) -> list[str]:
    tongue = language()
    age = figures.duration(tongue, feed["silent_s"])
    return [
        feed["name"], feed["kind"], words(f"watching.standing.{feed['standing']}"), age,
        figures.number(tongue, feed["rate"], 1), figures.number(tongue, feed["errors"]), feed["why"] or "-",
    ]  # fmt: skip


COMMANDS = {
    "watch": {
        "tracks": tracks, "alerts": alerts, "feeds": feeds, "conformance": conformance, "bias": bias, "take": take,
        "call": call, "observe": observe_alert, "flies": flies, "replay": replay, "verify": verify,
    }
}  # fmt: skip
