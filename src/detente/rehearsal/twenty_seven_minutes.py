"""The twenty-seven minutes: a location 9 km off, and a warning call while the officer whom the caller knows is away.

On the record (17 September 2016): a location given on the line was 9 km off; when the other side rang to warn, the
officer whom it knew was absent; it rang again and waited, 27 minutes in all; once told, everything stopped in under
five minutes. R8, R9, R10 and R11 answer that, and are tried here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from pyproj import Transformer

from detente.accord.terms import format_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeReference, AltitudeUnit, MeanSeaLevel
from detente.airspace.altitude import StandardPressure as Standard
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.feeds.geojson import write_geojson
from detente.language.figures import distance_km
from detente.line.events import LineMessageHeard
from detente.line.messages import ReceiptKind
from detente.line.parameters import Block, Length, LengthUnit, Place, Value, Window
from detente.picture.events import PlanEnded
from detente.rehearsal.actor import Actor
from detente.rehearsal.acts import check_the_line, last_message, man
from detente.rehearsal.history import began_at, called_after_s, judgements, receipts, taken
from detente.rehearsal.stage import Stage
from detente.rehearsal.terms import DEADLINE_S, LONGEST_TO_HUMAN_S, PLACE, POSTS, USUAL_DEADLINE_S, safety_accord
from detente.room.channel import CHANNEL_HASH, Channel

RECORD_S = 27 * 60.0
NINE_KM_M = 9_000.0
OTHER_DATUM = "+proj=longlat +ellps=krass +towgs84=23.57,-140.95,-79.8,0,-0.35,-0.79,-0.22 +no_defs"
"""A chart's datum, 1942, some 110 m from WGS 84 where both are used."""


class Slip(NamedTuple):
    """Something that an officer may write down otherwise than it was meant: the key of its words, and the figures."""

    key: str
    name: str
    heard: Value


def rehearse(stage: Stage) -> None:
    """Play it; every claim is on the stage afterwards."""
    stage.title("rehearse.minutes.title")
    stage.title("rehearse.minutes.record")
    alder, birch = stage.enter("alder"), stage.enter("birch")
    _the_line(stage, alder, birch)
    notice = _nine_km_off(stage, alder, birch)
    warning = _the_warning(stage, alder, birch)
    stop = _stop(stage, alder, birch)
    stage.scene("rehearse.scene.proof")
    stage.leave()
    messages = stage.prove(alder, birch)
    _shown_to_an_outsider(stage, birch)
    heard = [e for e in alder.line_events() if isinstance(e, LineMessageHeard)]
    stage.claim("rehearse.minutes.claim.nothing_lost", {e.message.message_id for e in heard} == {warning, stop})
    stage.scene("rehearse.scene.figures")
    _results(stage, birch, notice, warning, stop)
    stage.result("rehearse.result.transcripts", stage.words("rehearse.result.equal", count=messages))
    stage.result("rehearse.result.files", str(stage.out))


def _the_line(stage: Stage, alder: Actor, birch: Actor) -> None:
    stage.scene("rehearse.minutes.scene.line")
    alder.pair(birch)
    birch.pair(alder)
    text = format_accord(safety_accord("rehearsal", alder, birch))
    for actor in (alder, birch):
        actor.document("accord.toml", text)
    stage.start()
    stage.title("rehearse.minutes.terms", deadline=stage.seconds(DEADLINE_S, 0))
    man(stage, alder, *POSTS)
    man(stage, birch, "watch")
    check_the_line(stage, alder, birch)


def _nine_km_off(stage: Stage, alder: Actor, birch: Actor) -> str:
    """A location goes over the line and is written down wrong, in ten ways; return the message's id."""
    stage.scene("rehearse.minutes.scene.location")
    begin = datetime.now(UTC).replace(second=0, microsecond=0)
    window = TimeWindow(begin, begin + timedelta(hours=1))
    band = AltitudeBand(_height(10_000.0), _height(11_000.0))
    plan = Plan("survey-1", (Volume4D(Circle(PLACE, 10_000.0), band, window),))
    file = alder.files.path / "survey-1.geojson"
    file.write_bytes(write_geojson([plan]))
    stage.types(alder, "watch", "plan", "import", str(file))
    stage.types(alder, "watch", "plan", "activate", "survey-1")
    typed = (
        f"where={PLACE.latitude_deg},{PLACE.longitude_deg}", "radius=10km", "block=10000..11000ft MSL",
        f"window={begin:%Y-%m-%dT%H:%MZ}/{window.end:%Y-%m-%dT%H:%MZ}",
    )  # fmt: skip
    stage.types(alder, "watch", "line", "send", "our_aircraft_here", *typed, "--peer", "birch", keep="alder:")
    message = last_message(stage, alder, birch, "our_aircraft_here")
    stage.note(birch, "watch", "rehearse.minutes.by_ear")
    off = _moved(NINE_KM_M, 90.0)
    heard = (f"where={off.latitude_deg:.5f},{off.longitude_deg:.5f}", *typed[1:])
    back = ("line", "read-back", message, *heard, "--peer", "alder", "--post", "watch")
    stage.types(birch, "watch", *back)
    stage.until(partial(_is_judged, birch, message, 1))
    stage.types(alder, "watch", "line", "inbox", keep=stage.words("line.differs", name="", meant="", read="")[:10])
    caught = _differing(birch, message)
    stage.claim("rehearse.minutes.claim.nine_km", caught == [("where",)] and _differing(alder, message) == caught)
    stage.claim("rehearse.minutes.claim.rings_again", birch.message("alder", message)["taken_by"] is None)
    stage.note(birch, "watch", "rehearse.minutes.more")
    slips = _slips(window)
    right: dict[str, Value] = {
        "where": Place(PLACE), "radius": Length(10.0, LengthUnit.KILOMETRE), "block": Block(band),
        "window": Window(window),
    }  # fmt: skip
    reference = {"peer": "alder", "message_id": message, "post": "watch"}
    for count, slip in enumerate(slips, start=2):
        birch.post("line", "read-back", body={**reference, "heard": {**right, slip.name: slip.heard}})
        known = stage.until(partial(_is_judged, birch, message, count))
        named = {name.partition(".")[0] for name in _differing(birch, message)[-1]}
        shift = ""
        if isinstance(slip.heard, Place):
            shift = distance_km(stage.language, _distance_m(slip.heard.position))
        stage.claim(slip.key, known and named == {slip.name}, shift=shift)
    stage.types(birch, "watch", "line", "read-back", message, *typed, "--peer", "alder", "--post", "watch")
    stage.until(partial(_is_judged, birch, message, len(slips) + 2))
    both = [_differing(actor, message) for actor in (alder, birch)]
    stage.claim(
        "rehearse.minutes.claim.understood",
        both[0] == both[1] and len(both[0]) == len(slips) + 2 and both[0][-1] == () and all(both[0][:-1]),
        wrong=len(slips) + 1,
    )
    stage.types(birch, "watch", "line", "acknowledge", message, "--peer", "alder", "--post", "watch")
    return message


def _the_warning(stage: Stage, alder: Actor, birch: Actor) -> str:
    """Birch rings to warn, the officer it knows is away, the next post has it; return the message's id."""
    stage.scene("rehearse.minutes.scene.warning")
    stage.note(birch, "watch", "rehearse.minutes.danger")
    where = f"where={PLACE.latitude_deg},{PLACE.longitude_deg}"
    typed = ("turn_away", where, "height=10500ft MSL", "bearing=270")
    stage.types(birch, "watch", "line", "send", *typed, "--peer", "alder", keep="birch:")
    message = last_message(stage, birch, alder, "turn_away")
    stage.note(alder, "watch", "rehearse.minutes.away")
    stage.until(lambda: len(called_after_s(alder, message)) > 1 and len(called_after_s(birch, message)) > 1)
    after_s = called_after_s(alder, message)
    stage.claim(
        "rehearse.minutes.claim.next_post",
        list(after_s)[:2] == [0, 1] and after_s[1] >= DEADLINE_S and len(called_after_s(birch, message)) > 1,
        seconds=stage.seconds(after_s.get(1, 0.0)),
    )
    stage.types(alder, "senior", "line", "acknowledge", message, "--peer", "birch", "--post", "senior")
    stage.until(lambda: birch.message("alder", message)["taken_by"])
    person = taken(birch, message)
    waited = stage.seconds(person.to_human_s) if person else "-"
    stage.claim(
        "rehearse.minutes.claim.human",
        person is not None and person.post == "senior" and person.to_human_s < LONGEST_TO_HUMAN_S,
        seconds=waited,
    )
    return message


def _stop(stage: Stage, alder: Actor, birch: Actor) -> str:
    """STOP while nobody is at the first post: on every screen at once, taken, passed on, stopped; return its id."""
    stage.scene("rehearse.minutes.scene.stop")
    stage.types(alder, "watch", "line", "watch", "leave", "watch")
    stage.types(birch, "watch", "line", "stop", "--wait-s", "1", keep="birch:")
    message = last_message(stage, birch, alder, "stop")
    for post in POSTS:
        stage.types(alder, post, "line", "inbox", "--waiting", "--post", post, keep="STOP")
    stage.types(alder, "senior", "line", "acknowledge", message, "--peer", "birch", "--post", "senior")
    stage.types(
        alder, "senior", "line", "pass-on", message, "--peer", "birch", "--post", "senior", "--person", "controllers"
    )
    stage.types(alder, "senior", "plan", "end", "survey-1")

    def stopped() -> bool:
        return all(any(isinstance(event, PlanEnded) for event in actor.events()) for actor in (alder, birch))

    over = stage.until(stopped)
    stage.claim("rehearse.minutes.claim.every_post", called_after_s(alder, message).get(len(POSTS) - 1) == 0.0)
    posts = {e.receipt.post for e in receipts(birch, message, ReceiptKind.DISPLAYED)}
    stage.claim("rehearse.minutes.claim.every_screen", posts == set(POSTS))
    people = [taken(actor, message) for actor in (alder, birch)]
    stage.claim(
        "rehearse.minutes.claim.stop_human",
        all(person is not None and person.to_human_s < LONGEST_TO_HUMAN_S for person in people),
        seconds=stage.seconds(max((person.to_human_s for person in people if person), default=0.0)),
    )
    stage.claim("rehearse.minutes.claim.passed_on", len(receipts(birch, message, ReceiptKind.PASSED_ON)) == 1)
    stage.claim("rehearse.minutes.claim.stopped", over)
    return message


def _shown_to_an_outsider(stage: Stage, birch: Actor) -> None:
    file = stage.out / "stop.exhibit"
    channel = CHANNEL_HASH[Channel.STOP][:16]
    stage.types(
        birch, "", "transcript", "prove", str(birch.files.path), "1", "--peer", "alder", "--accord", channel,
        "--out", str(file), node=False,
    )  # fmt: skip
    last_message = stage.types(birch, "", "transcript", "check", str(file), "--body", node=False)
    stage.claim("rehearse.minutes.claim.exhibit", '"code":"stop"' in last_message)


def _results(stage: Stage, birch: Actor, notice: str, warning: str, stop: str) -> None:
    """Say what was caught and in how many seconds, every figure from birch's journal."""
    given = next(e.at for e in receipts(birch, notice, ReceiptKind.READ_BACK))
    judged = judgements(birch, notice)
    wrong = [e for e in judged if e.differences]
    stage.result("rehearse.minutes.result.nine_km", stage.seconds((judged[0].at - given).total_seconds(), decimals=2))
    stage.result("rehearse.minutes.result.caught", f"{len(wrong)} / {len(judged) - 1}")
    warned_at, stopped_at = began_at(birch, warning), began_at(birch, stop)
    warned, stopped = taken(birch, warning), taken(birch, stop)
    if warned is None or stopped is None or not stage.holds:
        return
    stage.result(
        "rehearse.minutes.result.human", stage.seconds(warned.to_human_s), deadline=stage.seconds(DEADLINE_S, 0)
    )
    usual_s = warned.to_human_s - DEADLINE_S + USUAL_DEADLINE_S
    stage.result("rehearse.minutes.result.usual", stage.seconds(usual_s), deadline=stage.seconds(USUAL_DEADLINE_S, 0))
    stage.result("rehearse.minutes.result.stop_human", stage.seconds(stopped.to_human_s))
    over = next(e.at for e in birch.events() if isinstance(e, PlanEnded))
    stage.result("rehearse.minutes.result.stopped", stage.seconds((over - stopped_at).total_seconds()))
    whole_s = (over - warned_at).total_seconds()
    stage.result("rehearse.minutes.result.whole", stage.seconds(whole_s))
    stage.result("rehearse.minutes.result.record", stage.words("rehearse.minutes.result.minutes"))
    stage.claim("rehearse.minutes.claim.sooner", whole_s + USUAL_DEADLINE_S - DEADLINE_S < RECORD_S / 10.0)


def _slips(window: TimeWindow) -> list[Slip]:
    """The ways in which a location goes wrong on a telephone, beside 9 km."""
    hour = timedelta(hours=1)
    to_other = Transformer.from_crs("EPSG:4326", OTHER_DATUM, always_xy=True)
    longitude_deg, latitude_deg = to_other.transform(PLACE.longitude_deg, PLACE.latitude_deg)
    metres = AltitudeBand(_height(10_000.0, AltitudeUnit.METRE), _height(11_000.0, AltitudeUnit.METRE))
    pressure = AltitudeBand(_height(10_000.0, reference=Standard()), _height(11_000.0, reference=Standard()))
    places = {
        "one_km": _moved(1_000.0, 0.0),
        "thirty_metres": _moved(30.0, 90.0),
        "swapped": Position(PLACE.longitude_deg, PLACE.latitude_deg),
        "minutes": Position(_minutes_as_decimals(PLACE.latitude_deg), PLACE.longitude_deg),
        "datum": Position(latitude_deg, longitude_deg),
    }
    place_slips = [Slip(f"rehearse.minutes.slip.{name}", "where", Place(place)) for name, place in places.items()]
    return [
        *place_slips,
        Slip("rehearse.minutes.slip.miles", "radius", Length(10.0, LengthUnit.NAUTICAL_MILE)),
        Slip("rehearse.minutes.slip.metres", "block", Block(metres)),
        Slip("rehearse.minutes.slip.pressure", "block", Block(pressure)),
        Slip("rehearse.minutes.slip.hour", "window", Window(TimeWindow(window.start + hour, window.end + hour))),
    ]


def _minutes_as_decimals(degrees: float) -> float:
    """Degrees and decimal minutes, typed as if the minutes were decimals: 44°18.6′ as 44.186."""
    whole = int(degrees)
    return whole + (degrees - whole) * 60.0 / 100.0


def _height(
    value: float, unit: AltitudeUnit = AltitudeUnit.FOOT, reference: AltitudeReference | None = None
) -> Altitude:
    return Altitude(value, unit, reference or MeanSeaLevel())


def _moved(distance_m: float, bearing_deg: float) -> Position:
    longitude_deg, latitude_deg, _ = GEOD.fwd(PLACE.longitude_deg, PLACE.latitude_deg, bearing_deg, distance_m)
    return Position(float(latitude_deg), float(longitude_deg))


def _distance_m(position: Position) -> float:
    _, _, distance_m = GEOD.inv(PLACE.longitude_deg, PLACE.latitude_deg, position.longitude_deg, position.latitude_deg)
    return float(distance_m)


def _is_judged(actor: Actor, message: str, count: int) -> bool:
    return len(judgements(actor, message)) >= count


def _differing(actor: Actor, message: str) -> list[tuple[str, ...]]:
    """The names of what differed at each judgement of a message's read-backs."""
    return [tuple(difference.name for difference in event.differences) for event in judgements(actor, message)]
