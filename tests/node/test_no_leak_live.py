"""Two private worlds that differ only in live tracks that are kept back: all that the peer is sent is the same bytes.

The loop, its journal, keys and signatures are the node's; the views are what the watching process would say.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parties import TODAY
from test_no_leak import NORTH, SOUTH, World, accord_with

from detente.accord.disclosure import OwnPolicy
from detente.accord.provisions import AccordArea, LiveLevel, LiveTrackTerms
from detente.accord.terms import Accord, Disclosure
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, StandardPressure
from detente.airspace.plan import Polygon
from detente.airspace.position import Position
from detente.disclosure.ledger import TOLD, Telling
from detente.link.answer import read_answer
from detente.link.envelope import read_envelope
from detente.link.links import Links
from detente.link.session import RECEIPT_RECEIVED, SENT
from detente.lookout.frames import WatchView
from detente.record.journal import Journal
from detente.room.channel import CHANNEL_HASH, Channel
from detente.tasks.telling_tracks import TellingTracks
from detente.watch.alert import Alert, AlertKind, AlertLevel, TrackSide
from detente.watch.messages import NearReported, TracksReported
from detente.watch.records import AlertSeen
from detente.watch.track import Track
from length import at_length
from receiving import receive_batch

METRE_DEG = 1.0 / 111_195.0
THEIRS = (34.0, 20.0)
REGION = AccordArea(
    polygon=Polygon(tuple(Position(*one) for one in ((33.0, 19.0), (33.0, 21.0), (35.0, 21.0), (35.0, 19.0)))),
    altitude=AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, StandardPressure()) for m in (0.0, 12_000.0))),
)


def track(name: str, latitude_deg: float, longitude_deg: float, height_m: float = 3_100.0, address: str = "") -> Track:
    at_s = TODAY.timestamp()
    return Track(
        name, at_s, at_s, latitude_deg, longitude_deg, 200.0, 90.0, 0.0, 0.0, 50.0, 20.0, 2.0, height_m,
        addresses=(address or name,), feeds=("radar",),
    )  # fmt: skip


def at_now(one: Track, at_s: float) -> Track:
    return msgspec.structs.replace(one, at_s=at_s, position_s=at_s)


class Sky(msgspec.Struct, frozen=True):
    """One second of one world: our aircraft, and that one of them which an alert stands about."""

    ours: tuple[Track, ...]
    near: Track | None = None

    def view(self, at_s: float) -> WatchView:
        alerts = ()
        if self.near is not None:
            pair = (at_now(self.near, at_s), at_now(track("their", *THEIRS, address="bbbbb1"), at_s))
            sides = (TrackSide.OURS, TrackSide.THEIRS)
            names = tuple(one.track_id for one in pair)
            key = f"separation:{'/'.join(names)}"
            alert = Alert(key, AlertKind.SEPARATION, AlertLevel.CORRECTIVE, at_s, "separation_ahead", names, sides)
            alerts = (AlertSeen(alert, pair),)
        ours = tuple(at_now(one, at_s) for one in (*self.ours, *([self.near] if self.near else [])))
        return WatchView(
            at_s=at_s, alerts=alerts, own=(), feeds=(), tracks=len(ours), picture=b"", zipped=b"", sightings=0,
            took_s=0.0, ours=ours,
        )  # fmt: skip


def agreed(level: LiveLevel, *, posts: bool = True) -> Accord:
    live = LiveTrackTerms(level=level, region=REGION if level is LiveLevel.REGION else None, posts=posts)
    accord = accord_with(Disclosure.NOTHING)
    return msgspec.structs.replace(accord, provisions=msgspec.structs.replace(accord.provisions, live_tracks=live))


def live_through(accord: Accord, policy: OwnPolicy, script: list[Sky]) -> tuple[list[bytes], list[Telling]]:
    """All that south is sent in one world, of which it gives its receipts, and what the ledger keeps."""

    async def through(folder: Path) -> tuple[list[bytes], list[Telling]]:
        world = World(folder, accord, policy)
        south = Links(SOUTH.public)
        session = south.open(NORTH.public, CHANNEL_HASH[Channel.ROOMS])
        theirs = Journal.open(folder / "south.sqlite", SOUTH)
        sent: list[bytes] = []
        with closing(world.journal), closing(world.commit), closing(theirs):
            running = asyncio.ensure_future(world.loop.run())
            await world.loop.begin()
            telling = TellingTracks(world.loop, dict)
            read = 0
            for sky in script:
                await telling.tell(sky.view(world.now.timestamp()))
                new = [entry.body for entry in world.journal.read(first=read + 1, kind=SENT)]
                read = world.journal.head.number
                sent += new
                rooms = [raw for raw in new if read_envelope(raw)[0].direction.accord == session.incoming.accord]
                if rooms:
                    judgement = receive_batch(south, SOUTH, theirs, b"".join(rooms), world.now)
                    assert judgement.status == 200
                    answer = read_answer(judgement.answer)
                    await world.loop.record([(RECEIPT_RECEIVED, raw.encode()) for raw in answer.receipts], world.now)
                world.now += timedelta(seconds=10)
            tellings = [msgspec.json.decode(e.body, type=Telling) for e in world.journal.read(first=1, kind=TOLD)]
            world.loop.stop()
            await running
        return sent, tellings

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(through(Path(folder)))


def reports(sent: list[bytes]) -> Iterator[NearReported | TracksReported]:
    for raw in sent:
        envelope, _ = read_envelope(raw)
        if envelope.kind in ("near_reported", "tracks_reported"):
            kind = NearReported if envelope.kind == "near_reported" else TracksReported
            yield msgspec.json.decode(envelope.body, type=kind)


far = st.builds(
    lambda number, north, east, height_m: track(f"secret{number}", 40.0 + north, 30.0 + east, height_m),
    st.integers(1, 99), st.floats(0.0, 5.0), st.floats(0.0, 5.0), st.floats(500.0, 11_000.0),
)  # fmt: skip
"""Aircraft of ours that are near nothing, and outside the region."""
secrets = st.lists(far, max_size=4, unique_by=lambda one: one.track_id).map(tuple)


def close(name: str) -> st.SearchStrategy[Track]:
    """One of ours in one bracket of range, one step of bearing and one block of heights."""
    return st.builds(
        lambda out_m, across_m, height_m: track(
            name, THEIRS[0] + out_m * METRE_DEG, THEIRS[1] + across_m * METRE_DEG, height_m
        ),
        st.floats(4_000.0, 5_400.0), st.floats(-250.0, 250.0), st.floats(3_001.0, 4_499.0),
    )  # fmt: skip


steps = st.tuples(secrets, secrets, st.none() | st.tuples(close("w7"), close("w100")))
script = st.lists(steps, min_size=1, max_size=5)
REGIONAL = track("in1", 34.5, 20.5, address="aaaaa1")

Side = Callable[[tuple[tuple[Track, ...], tuple[Track, ...], tuple[Track, Track] | None], int], Sky]


def private(step: tuple[tuple[Track, ...], tuple[Track, ...], tuple[Track, Track] | None], world: int) -> Sky:
    return Sky(step[world], None if step[2] is None else step[2][world])


def same_near(step: tuple[tuple[Track, ...], tuple[Track, ...], tuple[Track, Track] | None], world: int) -> Sky:
    """The same aircraft inside the region in both worlds: what is near is inside it too."""
    return Sky((REGIONAL, *step[world]), None if step[2] is None else step[2][0])


LEVELS: dict[str, tuple[Accord, OwnPolicy, Side]] = {
    "nothing": (agreed(LiveLevel.NOTHING), OwnPolicy(), private),
    "nothing by own policy": (agreed(LiveLevel.ALL), OwnPolicy(live_tracks=LiveLevel.NOTHING), private),
    "near": (agreed(LiveLevel.NEAR), OwnPolicy(), private),
    "near by own policy": (agreed(LiveLevel.ALL), OwnPolicy(live_tracks=LiveLevel.NEAR), private),
    "region": (agreed(LiveLevel.REGION), OwnPolicy(), same_near),
}


@pytest.mark.parametrize("name", LEVELS)
@settings(max_examples=max(4, at_length(100)), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=script)
def test_live_tracks_that_are_kept_back_change_no_byte(
    name: str, steps: list[tuple[tuple[Track, ...], tuple[Track, ...], tuple[Track, Track] | None]]
) -> None:
    accord, policy, side = LEVELS[name]
    first, second = (live_through(accord, policy, [side(step, world) for step in steps]) for world in (0, 1))
    assert first == second
    assert not any(b"secret" in raw for raw in first[0])
    if name.startswith("nothing"):
        assert list(reports(first[0])) == []


def test_what_is_told_at_each_level_is_that_and_in_the_ledger() -> None:
    near = track("w1", THEIRS[0] + 4_500.0 * METRE_DEG, THEIRS[1], 3_300.0, "aaaaa9")
    secret = track("secret1", 45.0, 30.0, address="aaaaa2")
    told = {}
    for level in LiveLevel:
        sent, ledger = live_through(agreed(level), OwnPolicy(), [Sky((secret, REGIONAL), near)] * 2)
        told[level] = list(reports(sent))
        assert [(one.live, one.count) for one in ledger] == [
            (level, len(one.near if isinstance(one, NearReported) else one.tracks)) for one in told[level]
        ]
    assert told[LiveLevel.NOTHING] == []
    (report,) = told[LiveLevel.NEAR]
    (said,) = report.near
    assert (said.aircraft, said.bearing_deg, said.range_from_m, said.range_to_m) == ("bbbbb1", 0, 3_704.0, 5_556.0)
    assert (said.height_from_m, said.height_to_m, said.level) == (3_000.0, 4_500.0, AlertLevel.CORRECTIVE)
    addresses = {level: {one.address for one in told[level][1].tracks} for level in (LiveLevel.REGION, LiveLevel.ALL)}
    assert addresses == {LiveLevel.REGION: {"aaaaa1", "aaaaa9"}, LiveLevel.ALL: {"aaaaa1", "aaaaa2", "aaaaa9"}}


def test_what_is_over_is_said_once_and_then_nothing() -> None:
    near = track("w1", THEIRS[0] + 4_500.0 * METRE_DEG, THEIRS[1])
    sent, _ = live_through(agreed(LiveLevel.NEAR), OwnPolicy(), [Sky((), near), Sky(()), Sky(()), Sky(())])
    assert [len(one.near) for one in reports(sent)] == [1, 0]


def test_while_an_alert_stands_it_is_said_again_but_not_every_time() -> None:
    near = track("w1", THEIRS[0] + 4_500.0 * METRE_DEG, THEIRS[1])
    sent, _ = live_through(agreed(LiveLevel.NEAR), OwnPolicy(), [Sky((), near)] * 5)
    assert [one.at.second for one in reports(sent)] == [0, 20, 40]
