"""The watch over HTTP: tracks, alerts and who has them, feeds, who flies which plan, an observation from an alert."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State

from detente.airspace.refusal import Refusal
from detente.api.service import Service, not_found, tags
from detente.api.views import Done
from detente.claims.commands import MakeObservation
from detente.language.wording import Language
from detente.lookout.frames import FeedView
from detente.watch.alert import Alert
from detente.watch.commands import FlyPlan, TakeAlert
from detente.watch.observed import observation_of
from detente.watch.records import AlertRecord, FeedRecord, KeptHour, WatchStanding, WatchState
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
    `called` is the post that was called last. `ended_at` is None while it stands.
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
    """How the watch and its feeds stand. `not_kept` says why reports are not kept; it is empty while they are."""

    standing: WatchStanding | None
    feeds: tuple[FeedView, ...]
    changes: dict[str, FeedRecord]
    tracks: int
    sightings: int
    look_s: float
    not_kept: str
    hours: tuple[KeptHour, ...]


class AlertTaking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which post takes an alert."""

    by: str = ""


class AlertObserved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of an alert's tracks as an observation; `track_id` is needed where there are several."""

    by: str = ""
    track_id: str = ""


class PlanFlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The aircraft of this address, or name that feeds give, flies this plan of ours; empty: none any more."""

    aircraft: str
    plan_id: str = ""
    by: str = ""


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
        found = [*waits, *([] if waiting else taken), *(reversed(room.state.ended) if ended else ())]
        return [_alert_view(record, now, language) for record in found]

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
    observation = observation_of(service.party, tracks[0])
    if observation is None:
        raise Refusal("api.track_with_height", "track_id", tracks[0].track_id)
    outcome = await service.do(MakeObservation(service.now(), service.party, observation))
    return ObservationDone(tags(outcome), outcome.journal_number, observation.observation_id)


@get("/feeds", summary="The feeds of the watch")
async def list_watched_feeds(service: Service) -> FeedsView:
    """Return how the watch and each feed stand, since when, and which hours of reports are kept."""

    def views() -> FeedsView:
        state, view = service.state_of(WatchRoom), service.watching.view
        hours = tuple(state.hours[file] for file in sorted(state.hours))
        if view is None:
            return FeedsView(state.standing, (), state.feeds, 0, 0, 0.0, "", hours)
        return FeedsView(
            state.standing, view.feeds, state.feeds, view.tracks, view.sightings, view.took_s, view.not_kept, hours
        )

    return await service.loop.read(views)


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


def _alert(state: WatchState, key: str) -> AlertRecord:
    """Return the alert of this key, or whose key alone begins so, of those that stand and then of those over."""
    if key in state.open:
        return state.open[key]
    found = [record for name, record in sorted(state.open.items()) if name.startswith(key)]
    found = found or [record for record in state.ended if record.seen.alert.key.startswith(key)][-1:]
    if len(found) != 1:
        raise not_found("api.one_alert", "alert", key, count=len(found))
    return found[0]


def _alert_view(record: AlertRecord, now: dict[str, Alert], language: Language) -> AlertView:
    kept = record.seen.alert
    alert = kept if record.ended_at is not None else now.get(kept.key, kept)
    waits = record.ended_at is None and not record.taken_by
    return AlertView(
        alert, AlertWords(*alert_text(language, alert, alert.at_s)), record.seen.tracks, record.since, waits,
        record.called, record.taken_by, record.taken_at, record.ended_at,
    )  # fmt: skip


router = Router(
    path="/watch",
    route_handlers=[list_tracks, list_alerts, take_alert, observe_alert, list_watched_feeds, list_flown, say_flown],
    tags=["watch"],
)
