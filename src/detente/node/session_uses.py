"""When each open session was used last: kept in memory for every use, and now and then in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from detente.people.records import PersonSession

KEPT_APART = 8.0
"""A use is kept in the journal when this part of the time for which a session may be idle has passed since the last."""


class SessionUses:
    """The last use of each session since the node started, by its id. It holds no more than there are sessions."""

    def __init__(self) -> None:
        self._used_at: dict[str, datetime] = {}

    def note(self, session: str, at: datetime) -> None:
        """A session was used."""
        self._used_at[session] = at

    def last(self, session: PersonSession) -> datetime:
        """Return when a session was used last (UTC), by all that is known."""
        return max(session.used_at, self._used_at.get(session.session, session.used_at))

    def forget_all_but(self, sessions: Mapping[str, PersonSession]) -> None:
        """Forget the sessions that are over."""
        self._used_at = {session: at for session, at in self._used_at.items() if session in sessions}

    def to_keep(self, sessions: Mapping[str, PersonSession], at: datetime) -> dict[str, datetime]:
        """Return the uses that the journal should know by now: those long after the last it has, and of what ends."""
        found = {}
        for session in sessions.values():
            used_at = self.last(session)
            is_far = (used_at - session.used_at).total_seconds() > session.idle_s / KEPT_APART
            if is_far or (used_at > session.used_at and at >= session.ends_at(session.used_at)):
                found[session.session] = used_at
        return found
