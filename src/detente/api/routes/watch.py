"""The watch over HTTP: tracks, alerts and who has them, feeds, who flies which plan, an observation from an alert."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from msgspec.structs import replace

from detente.airspace.refusal import Refusal
from detente.api.service import Service, not_found, tags
from detente.api.views import Done
from detente.claims.claims import Request as ClaimRequest
from detente.claims.claims import SeenHere
from detente.claims.commands import AskRequest, MakeObservation, ShareObservation
from detente.language.wording import Language
from detente.lookout.frames import FeedView
from detente.lookout.track_columns import track_of
from detente.room.exercise import is_exercise
from detente.watch.alert import Alert
from detente.watch.between import is_told
from detente.watch.commands import FlyPlan, PutFaults, TakeAlert
from detente.watch.faults import Faults, FeedFault
from detente.watch.observed import observation_of
from detente.watch.records import AlertRecord, ConformanceDay, FeedRecord, KeptHour, WatchStanding, WatchState
from detente.watch.registration import Registration
from detente.watch.room import WatchRoom
from detente.watch.sentences import alert_text
from detente.watch.track import Track


class AlertWords(msgspec.Struct, frozen=True):
    """An alert in a reader's language: why, what time is left, where, both heights, a way out, and what is doubted."""

    why: str
    time_left: str
    where: str
    heights: tuple[str, ...]
    way_out: str
    doubts: tuple[str, ...]


class AlertView(msgspec.Struct, frozen=True):
    """An alert as people see it.

    `alert` is as the watch says it now; `tracks` are as they were when it was raised or last changed its level.
    Of what a peer told they are our own aircraft, as it is now. `called` is the post that was called last. `ended_at`
    is None while it stands.
    """

    alert: Alert
    words: AlertWords
    tracks: tuple[Track, ...]
    since: datetime
    waits: bool
    called: str
    taken_by: str
    taken_at: datetime | None
    ended_at: datetime | None


class FeedsView(msgspec.Struct, frozen=True):
    """How the watch and its feeds stand. `not_kept` says why reports are not kept; it is empty while they are.

    The last three are what the watch leaves out: matters without room among the alerts that stand, tracks whose numbers
    are no aircraft's, and sightings too many for their second since its process began. `faults` are those that
    an exercise has put into its feeds.
    """

    standing: WatchStanding | None
    feeds: tuple[FeedView, ...]
    changes: dict[str, FeedRecord]
    tracks: int
    sightings: int
    look_s: float
    not_kept: str
    hours: tuple[KeptHour, ...]
    alerts_left_out: int = 0
    tracks_unusable: int = 0
    sightings_left_out: int = 0
    faults: Faults = {}


class AlertTaking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which post takes an alert."""

    by: str = ""


class AlertObserved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of an alert's tracks as an observation; `track_id` is needed where there are several."""

    by: str = ""
    track_id: str = ""


class TrackObserved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A live track is kept as an observation; `ask` are parties that are asked whose it is, `tell` those that are told.

    Who is asked is told with the question.
    """

    by: str = ""
    ask: tuple[str, ...] = ()
    tell: tuple[str, ...] = ()


class PlanFlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The aircraft of this address, or name that feeds give, flies this plan of ours; empty: none any more."""

    aircraft: str
    plan_id: str = ""
    by: str = ""


class FaultsWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which faults a feed of an exercise has from now on; none: it is sound again."""

    by: str = ""
    faults: tuple[FeedFault, ...] = ()


class ObservationDone(Done, frozen=True):
    """An observation was kept."""

    observation_id: str


@get("/tracks", summary="What flies, as all feeds together show it", media_type="application/json")
async def list_tracks(service: Service, request: Request[None, None, State]) -> Response[bytes]:
    """Return all tracks of the last look as rows of values; `columns` says what each value is.

    `ETag` names the look: asked with `If-None-Match`, what has not changed is answered with 304 and no body.
    """
    view = service.watching.view
    if view is None:
        standing = service.state_of(WatchRoom).standing
        raise not_found("api.watch_that_runs", "watch", "no feeds" if standing is None else standing.why or "begins")
    headers = {"Cache-Control": "no-cache", "ETag": f'"{view.at_s:.3f}"', "Vary": "Accept-Encoding"}
    if headers["ETag"] in request.headers.get("If-None-Match", ""):
        return Response(b"", status_code=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(view.zipped, headers={**headers, "Content-Encoding": "gzip"}, media_type="application/json")
    return Response(view.picture, headers=headers, media_type="application/json")


@get("/alerts", summary="What the watch found")
async def list_alerts(
    service: Service, *, ended: bool = False, waiting: bool = False, language: Language = Language.ENGLISH
) -> list[AlertView]:
    """List the alerts that stand, the most urgent first; `ended` those that are over too, the last first.

    `waiting`: only those that no person has. `language` is that of the words.
    """

    def views() -> list[AlertView]:
        room = service.loop.rooms.of_type(WatchRoom)
        waits = room.waiting()
        taken = sorted((one for one in room.state.open.values() if one.taken_by), key=lambda one: one.since)
        view = service.watching.view
        now = {} if view is None else {seen.alert.key: seen.alert for seen in view.alerts}
        ours = () if view is None else view.ours
        found = [*waits, *([] if waiting else taken), *(reversed(room.state.ended) if ended else ())]
        return [_alert_view(record, now, ours, language) for record in found]

    return await service.loop.read(views)


@post("/alerts/{key:str}/take", status_code=200, summary="Take an alert")
async def take_alert(data: AlertTaking, service: Service, key: str) -> Done:
    """Say that a person at this post has an alert: nobody else is called for it."""
    by = service.post(data.by)
    found = _alert(service.state_of(WatchRoom), key)
    outcome = await service.do(TakeAlert(service.now(), found.seen.alert.key, by), urgent=True)
    return Done(tags(outcome), outcome.journal_number)


@post("/alerts/{key:str}/observe", status_code=200, summary="Keep an observation of what an alert is about")
async def observe_alert(data: AlertObserved, service: Service, key: str) -> ObservationDone:
    """Keep what the feeds saw of an alert's track as our observation, with its errors. No peer is told."""
    service.post(data.by)
    found = _alert(service.state_of(WatchRoom), key)
    tracks = [one for one in found.seen.tracks if data.track_id in ("", one.track_id)]
    if len(tracks) != 1:
        known = ", ".join(one.track_id for one in found.seen.tracks)
        raise Refusal("api.one_track_of_alert", "track_id", data.track_id, known=known)
    return await _observed(service, tracks[0], TrackObserved(data.by))


@post("/tracks/{track_id:str}/observe", status_code=200, summary="Keep a live track, and ask whose it is")
async def observe_track(data: TrackObserved, service: Service, track_id: str) -> ObservationDone:
    """Keep a track as it is now as our observation; tell the parties that are named, and ask those whose it is."""
    service.post(data.by)
    view = service.watching.view
    track = None if view is None else track_of(view.picture, track_id)
    if track is None:
        raise not_found("api.live_track", "track_id", track_id)
    return await _observed(service, track, data)


@get("/feeds", summary="The feeds of the watch")
async def list_watched_feeds(service: Service) -> FeedsView:
    """Return how the watch and each feed stand, since when, and which hours of reports are kept."""

    def views() -> FeedsView:
        state, view = service.state_of(WatchRoom), service.watching.view
        hours = tuple(state.hours[file] for file in sorted(state.hours))
        if view is None:
            return FeedsView(state.standing, (), state.feeds, 0, 0, 0.0, "", hours)
        return FeedsView(
            state.standing,
            view.feeds,
            state.feeds,
            view.tracks,
            view.sightings,
            view.took_s,
            view.not_kept,
            hours,
            view.alerts_left_out,
            view.tracks_unusable,
            view.sightings_left_out,
            view.faults,
        )

    return await service.loop.read(views)


@post("/feeds/{feed:str}/faults", status_code=200, summary="Put faults into a feed of an exercise")
async def put_faults(data: FaultsWanted, service: Service, feed: str) -> FaultsWanted:
    """Let a feed be faulty until this is taken back. Refused unless the party only exercises (R50)."""
    by = service.post(data.by)
    if is_exercise(service.party):
        service.watching.check_feed(feed)
    await service.do(PutFaults(service.now(), feed, data.faults))
    return FaultsWanted(by, data.faults)


@get("/conformance", summary="How our aircraft kept to their plans, day by day")
async def list_conformance(service: Service) -> list[ConformanceDay]:
    """Return each day of UTC in which ours were seen to fly plans, the last first, as F3548 asks."""
    return await service.loop.read(service.watching.conformance_days)


@get("/bias", summary="How peers' pictures differ from ours")
async def list_biases(service: Service) -> tuple[Registration, ...]:
    """Return how the tracks that each peer tells differ from the same aircraft as our own feeds see them.

    Shift, height and clock, each with the half-width of its 95 % interval; null where too little is known to say it.
    """
    view = service.watching.view
    return () if view is None else view.registration


@get("/flown", summary="Which aircraft fly which plans")
async def list_flown(service: Service) -> dict[str, str]:
    """Return plans of ours by the address or name of the aircraft that flies each, as people said."""
    return await service.loop.read(lambda: dict(service.state_of(WatchRoom).flown))


@post("/flown", status_code=200, summary="Say which aircraft flies a plan")
async def say_flown(data: PlanFlight, service: Service) -> Done:
    """Hold this aircraft of ours against a plan of ours from now on."""
    service.post(data.by)
    outcome = await service.do(FlyPlan(service.now(), data.aircraft, data.plan_id))
    return Done(tags(outcome), outcome.journal_number)


async def _observed(service: Service, track: Track, data: TrackObserved) -> ObservationDone:
    """Keep a track as our observation, and let the parties that are named know of it."""
    accords = service.claims.accords
    for peer in (*data.ask, *data.tell):
        if peer not in accords:
            raise Refusal("api.party_with_accord", "peer", peer, known=", ".join(sorted(accords)) or "none")
    observation = observation_of(service.party, track)
    if observation is None:
        raise Refusal("api.track_with_height", "track_id", track.track_id)
    at, party, name = service.now(), service.party, observation.observation_id
    outcomes = [await service.do(MakeObservation(at, party, observation))]
    for peer in dict.fromkeys(data.ask):
        request = ClaimRequest(f"{name}-{peer}"[:64], party, SeenHere(party, name), at, accords[peer])
        outcomes.append(await service.do(AskRequest(at, party, peer, request)))
    outcomes += [
        await service.do(ShareObservation(at, party, peer, name)) for peer in sorted(set(data.tell) - set(data.ask))
    ]
    events = tuple(tag for outcome in outcomes for tag in tags(outcome))
    return ObservationDone(events, outcomes[-1].journal_number, name)


def _alert(state: WatchState, key: str) -> AlertRecord:
    """Return the alert of this key, or whose key alone begins so, of those that stand and then of those over."""
    if key in state.open:
        return state.open[key]
    found = [record for name, record in sorted(state.open.items()) if name.startswith(key)]
    found = found or [record for record in state.ended if record.seen.alert.key.startswith(key)][-1:]
    if len(found) != 1:
        raise not_found("api.one_alert", "alert", key, count=len(found))
    return found[0]


def _alert_view(record: AlertRecord, now: dict[str, Alert], ours: Sequence[Track], language: Language) -> AlertView:
    kept, tracks = record.seen.alert, record.seen.tracks
    alert = kept if record.ended_at is not None else now.get(kept.key, kept)
    if is_told(kept.key) and record.ended_at is None:
        # A peer names one of ours; where that is, our own watch knows.
        name = kept.figures["aircraft"]
        tracks = tuple(t for t in ours if name in (*t.addresses, *t.identities, t.callsign))[:1]
        alert = replace(alert, tracks=tuple(track.track_id for track in tracks))
    waits = record.ended_at is None and not record.taken_by
    return AlertView(
        alert, AlertWords(*alert_text(language, alert, alert.at_s)), tracks, record.since, waits,
        record.called, record.taken_by, record.taken_at, record.ended_at,
    )  # fmt: skip


router = Router(
    path="/watch",
    route_handlers=[
        list_tracks,
        list_alerts,
        take_alert,
        observe_alert,
        observe_track,
        put_faults,
        list_watched_feeds,
        list_conformance,
        list_biases,
        list_flown,
        say_flown,
    ],
    tags=["watch"],
)
