"""What peers are told of where our aircraft are now: composed as disclosure lets it, no oftener than agreed.

A peer that takes nothing in is told nothing more: where an aircraft was an hour ago is of no use to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

import structlog

from detente.accord.provisions import LiveLevel
from detente.airspace.refusal import Refusal
from detente.disclosure.live_tracks import GivenNames, near_report, tracks_report
from detente.lookout.frames import WatchView
from detente.node.loop import CommandLoop
from detente.room.channel import Channel
from detente.watch.between import NEAR_EVERY, TELLS_AGAIN
from detente.watch.commands import TellLive
from detente.watch.messages import NearReported, TracksReported, WatchMessage
from detente.watch.peer_tracks import PEER_FEED, feed_of
from detente.watch.records import ToldOfOurs
from detente.watch.room import WatchRoom
from detente.watch.track import Track

NEAR_IN_FLIGHT, TRACKS_IN_FLIGHT = 3, 0
"""How many messages the peer may owe receipts for when it is told one more."""

log = structlog.get_logger()


class TellingTracks:
    """Tells every peer what it may know. `whose` gives the names by which feeds know aircraft of each other party."""

    def __init__(self, loop: CommandLoop, whose: Callable[[], Mapping[str, Collection[str]]]) -> None:
        self._loop = loop
        self._room = loop.rooms.of_type(WatchRoom)
        self._whose = whose

    async def tell(self, view: WatchView) -> None:
        """Tell each peer what is due of what the watch sees now."""
        at = self._loop.clock()
        for peer in sorted(self._loop.accords.talks):
            limit = self._loop.disclosure.live_limit(peer, at)
            held = self._room.state.told.get(peer, ToldOfOurs())
            if limit.level is LiveLevel.NOTHING and not held.near and not held.tracks:
                continue
            near, names = near_report(
                view.at_s,
                (seen for seen in view.alerts),
                self._is_of(peer, at),
                limit,
                GivenNames(held.names, held.count),
            )
            if _near_due(held, near, at) and self._may_say(peer, near, at, NEAR_IN_FLIGHT):
                await self._say(TellLive(at, peer, near, names.of, names.given))
                held = self._room.state.told.get(peer, held)
            every = timedelta(seconds=limit.every_s)
            is_due = held.tracks_at is None or not timedelta() <= at - held.tracks_at < every
            none_yet = TracksReported(at)
            if limit.level.openness < LiveLevel.REGION.openness and not held.tracks:
                continue
            if is_due and self._may_say(peer, none_yet, at, TRACKS_IN_FLIGHT):
                tracks, names = await asyncio.to_thread(
                    tracks_report, view.at_s, view.ours, limit, GivenNames(held.names, held.count)
                )
                if tracks.tracks or held.tracks:
                    await self._say(TellLive(at, peer, tracks, names.of, names.given))

    def _is_of(self, peer: str, at: datetime) -> Callable[[Track], bool]:
        """Whether an aircraft of another party is this one's: as is said of it, and all where there is no other."""
        known = self._whose()
        is_only = self._loop.accords.terms(at).keys() == {peer}
        names = frozenset(known.get(peer, ()))
        others = frozenset(name for party, some in known.items() if party != peer for name in some)

        def is_of(track: Track) -> bool:
            told_by = {feed for feed in track.feeds if feed.startswith(PEER_FEED)}
            if told_by:
                return told_by == {feed_of(peer)}
            called = (*track.addresses, *track.identities, track.callsign)
            return others.isdisjoint(called) and (is_only or not names.isdisjoint(called))

        return is_of

    def _may_say(self, peer: str, report: WatchMessage, at: datetime, in_flight: int) -> bool:
        known = self._loop.peers.named(peer)
        session = None if known is None else known.sessions.get(Channel.ROOMS)
        is_free = session is not None and session.sent_number - session.receipted_number <= in_flight
        return is_free and self._loop.accords.allows(peer, report.activity, at)

    async def _say(self, command: TellLive) -> None:
        try:
            self._loop.check_space(command)
            await self._loop.decide(command)
        except Refusal as refusal:
            log.warning("a peer was not told where ours are", peer=command.peer, why=str(refusal))


def _near_due(held: ToldOfOurs, report: NearReported, at: datetime) -> bool:
    since = NEAR_EVERY if held.near_at is None else at - held.near_at
    if not timedelta() <= since:
        return True
    return since >= (NEAR_EVERY if report.near != held.near else TELLS_AGAIN) and bool(report.near or held.near)
