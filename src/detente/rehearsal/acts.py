"""What people do in more than one rehearsal: take their posts, check the line, agree, declare and give notice."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from detente.accord.terms import Accord, accord_hash, format_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.feeds.geojson import write_geojson
from detente.picture.notices import Meaning
from detente.rehearsal.actor import Actor
from detente.rehearsal.stage import Stage


def man(stage: Stage, actor: Actor, *posts: str) -> None:
    """Let the day's shift take the watch at these posts."""
    for post in posts:
        stage.types(actor, post, "line", "watch", "take", post, "--shift", "day", "--speaks", "en")


def check_the_line(stage: Stage, first: Actor, second: Actor) -> None:
    """Let each side ask for a line check, and claim that both checks came out LIVE."""
    pairs = ((first, second), (second, first))
    before = [_last_check(actor, peer) for actor, peer in pairs]
    for actor, peer in pairs:
        stage.types(actor, "watch", "line", "check", "--peer", peer.name)

    def live() -> bool:
        lines = [actor.get("line")["lines"][peer.name] for actor, peer in pairs]
        checked = all(_last_check(actor, peer) > last for (actor, peer), last in zip(pairs, before, strict=True))
        return checked and all(line["standing"]["quality"] == "live" for line in lines)

    stage.claim("rehearse.claim.live", stage.until(live))


def _last_check(actor: Actor, peer: Actor) -> int:
    """The number of the last line check that the actor asked of a peer and that was completed."""
    last = actor.get("line")["lines"][peer.name]["ours"]
    return 0 if last is None else int(last["number"])


def last_message(stage: Stage, sender: Actor, to: Actor, code: str) -> str:
    """Return the id of the last message with a code that was sent, once it has arrived."""
    ours = [m["message_id"] for m in sender.get("line", "messages", peer=to.name) if m["ours"] and m["code"] == code]
    message = str(max(ours, key=lambda name: int(name.partition(":")[2])))
    stage.until(lambda: to.message(sender.name, message))
    return message


def declare(stage: Stage, actor: Actor, *plans: Plan) -> None:
    """Let the watch import plans from a file that its planner wrote."""
    file = actor.files.path / f"{plans[0].plan_id}.geojson"
    file.write_bytes(write_geojson(plans))
    stage.types(actor, "watch", "plan", "import", str(file))


def give_notice(stage: Stage, actor: Actor, notice_id: str, meaning: Meaning, volume: Volume4D) -> None:
    """Let the watch give a notice about a circle whose heights are in feet above mean sea level."""
    if not isinstance(volume.area, Circle):
        raise TypeError(volume.area)
    centre, time = volume.area.centre, volume.time
    stage.types(
        actor, "watch", "notice", "give", notice_id, "--meaning", meaning,
        "--centre", f"{centre.latitude_deg},{centre.longitude_deg}", "--radius", f"{volume.area.radius_m / 1000:g}km",
        "--heights", f"{volume.altitude.lower.value:g}..{volume.altitude.upper.value:g}ft MSL",
        "--window", f"{time.start:%Y-%m-%dT%H:%MZ}/{time.end:%Y-%m-%dT%H:%MZ}",
    )  # fmt: skip


def around(
    centre: Position, radius_m: float, lower_ft: float, upper_ft: float, start: datetime, length: timedelta
) -> Volume4D:
    """Return the airspace around a point, heights in feet above mean sea level, for so long from `start` (UTC) on."""
    band = AltitudeBand(*(Altitude(feet, AltitudeUnit.FOOT, MeanSeaLevel()) for feet in (lower_ft, upper_ft)))
    return Volume4D(Circle(centre, radius_m), band, TimeWindow(start, start + length))


def agree(stage: Stage, proposer: Actor, other: Actor, accord: Accord, post: str) -> str:
    """Let a post of one side propose and both authorities sign, each its own text; return the accord's hash.

    Claims that it comes into force on both sides.
    """
    name = propose(stage, proposer, other, accord, post)
    authorise(stage, other, name)
    authorise(stage, proposer, name)
    stage.claim("rehearse.claim.in_force", stage.until(partial(_stand, (proposer, other), name, "in_force")))
    stage.until(lambda: other.name in proposer.get("line")["lines"] and proposer.name in other.get("line")["lines"])
    return name


def propose(stage: Stage, proposer: Actor, other: Actor, accord: Accord, post: str) -> str:
    """Let a post of one side propose a text that the other hears of; return the accord's hash."""
    name = accord_hash(accord)
    file = proposer.document(f"{accord.name}.toml", format_accord(accord))
    stage.types(proposer, post, "accord", "propose", str(file), "--peer", other.name, "--post", post)
    stage.until(partial(_stands, other, name, "proposed"))
    return name


def authorise(stage: Stage, actor: Actor, name: str) -> None:
    """Let the authority of a party sign the accord with this hash."""
    stage.types(actor, "authority", "accord", "authorise", name[:12], "--key", str(actor.authority_path))


def _stand(actors: tuple[Actor, ...], name: str, standing: str) -> bool:
    return all(_stands(actor, name, standing) for actor in actors)


def _stands(actor: Actor, name: str, standing: str) -> bool:
    return actor.standing(name) == standing
