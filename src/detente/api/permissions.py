"""What each role may do, route by route, in this one place. A route that is not listed is open to nobody."""

from __future__ import annotations

import re

from detente.api.access import Caller
from detente.people.records import PersonRole

SIGN_IN = "POST /sign-in"
PASSKEY_CHALLENGE = "POST /sign-in/challenge"
PASSKEY_SIGN_IN = "POST /sign-in/passkey"
METRICS = "GET /metrics"
"""Where a token for metrics may come, and nowhere else."""

_NEEDED: dict[PersonRole | None, str] = {
    # Anybody, without being signed in: nothing here tells anything of the node.
    None: """
        GET /console
        GET /console/{path}
        GET /healthy
        GET /openapi.json
        GET /openapi.json/openapi.json
        GET /openapi.json/{path}
        GET /ready
        GET /sign-in
        POST /sign-in
        POST /sign-in/challenge
        POST /sign-in/passkey
    """,
    # Sees everything, and changes nothing but his own sessions and passkeys.
    PersonRole.OBSERVER: """
        GET /
        GET /accord
        GET /accords
        GET /accords/events
        GET /accords/{accord}
        GET /accords/{accord}/differences/{other}
        GET /claims/deviations
        GET /claims/events
        GET /claims/incidents
        GET /claims/incidents/{peer}/{reporter}/{incident_id}
        GET /claims/observations
        GET /claims/requests
        GET /claims/reviews
        GET /claims/statements
        GET /conflicts
        GET /conflicts/{conflict_id}
        GET /conflicts/{conflict_id}/changes
        GET /details
        GET /details/events
        GET /events
        GET /events/all
        GET /humanitarian
        GET /humanitarian/events
        GET /journal
        GET /journal/{number}
        GET /line
        GET /line/codes
        GET /line/events
        GET /line/messages
        GET /line/messages/{peer}/{message_id}
        GET /line/watch/{post}
        GET /map/boundaries
        GET /matching/events
        GET /matching/ledger
        GET /matching/runs
        GET /matching/runs/{run}
        GET /matching/runs/{run}/parts
        GET /me
        GET /measures
        GET /members
        GET /members/events
        GET /metrics
        GET /notices
        GET /notices/entered
        GET /passkeys
        GET /peers
        GET /peers/{peer}/told
        GET /picture
        GET /plans
        GET /plans/{party}/{plan_id}
        GET /sessions
        GET /status
        GET /watch/alerts
        GET /watch/conformance
        GET /watch/bias
        GET /watch/events
        GET /watch/feeds
        GET /watch/flown
        GET /watch/tracks
        GET /zones
        GET /zones/events
        GET /zones/{peer}/{zone_id}
        POST /passkeys
        POST /passkeys/challenge
        POST /passkeys/{passkey}/remove
        POST /sessions/{session}/revoke
        POST /sign-out
    """,
    # Keeps watch: plans, notices, measures, zones, the line, claims, and what is carried by hand. An accord may be
    # suspended, resumed and ended by the posts that its terms name, so that a watch can suspend it at once.
    PersonRole.DUTY_OFFICER: """
        GET /details/openings/{commitment}
        GET /matching/runs/{run}/messages/{name}
        GET /parcels/{peer}
        POST /accords/draft
        POST /accords/{accord}/end
        POST /accords/{accord}/resume
        POST /accords/{accord}/suspend
        POST /claims/answers
        POST /claims/deviations
        POST /claims/deviations/over
        POST /claims/incidents
        POST /claims/incidents/close
        POST /claims/incidents/reply
        POST /claims/observations
        POST /claims/observations/{observation_id}/share
        POST /claims/positions
        POST /claims/requests
        POST /claims/reviews
        POST /claims/statements
        POST /details/commit
        POST /details/open
        POST /humanitarian
        POST /humanitarian/shown
        POST /humanitarian/{notice_id}/withdraw
        POST /line/alarms/take
        POST /line/check
        POST /line/display
        POST /line/messages
        POST /line/pass-on
        POST /line/radio
        POST /line/read-back
        POST /line/stop
        POST /line/take
        POST /line/voice
        POST /line/watch
        POST /line/watch/leave
        POST /map/boundaries
        POST /map/boundaries/{name}/remove
        POST /matching/messages
        POST /matching/runs
        POST /matching/runs/{run}/abort
        POST /measures
        POST /measures/{measure_id}/accept
        POST /measures/{measure_id}/refuse
        POST /members/acknowledge
        POST /members/tell
        POST /notices
        POST /notices/amend
        POST /notices/{notice_id}/cancel
        POST /parcels
        POST /plans
        POST /plans/file
        POST /plans/{plan_id}/activate
        POST /plans/{plan_id}/end
        POST /plans/{plan_id}/withdraw
        POST /watch/alerts/{key}/observe
        POST /watch/alerts/{key}/take
        POST /watch/feeds/{feed}/faults
        POST /watch/flown
        POST /watch/tracks/{track_id}/observe
        POST /zones
        POST /zones/{peer}/{zone_id}/accept
        POST /zones/{peer}/{zone_id}/refuse
        POST /zones/{peer}/{zone_id}/release
    """,
    # Binds the party: what it agrees, and for whom it speaks.
    PersonRole.AUTHORITY: """
        POST /accords/propose
        POST /accords/{accord}/authorise
        POST /members/add
        POST /members/remove
    """,
    # Says who may do what, and what the node is known by.
    PersonRole.ADMINISTRATOR: """
        GET /metrics-tokens
        GET /people
        GET /people/events
        POST /card
        POST /card/key
        POST /card/revoked
        POST /metrics-tokens
        POST /metrics-tokens/{name}/revoke
        POST /people
        POST /people/{name}/change
        POST /people/{name}/link
        POST /people/{name}/remove
        POST /reload
    """,
}

NEEDED_ROLE: dict[str, PersonRole | None] = {
    route.strip(): role for role, routes in _NEEDED.items() for route in routes.strip().splitlines()
}
"""The role that each route needs, by its method and path; None where nobody need be signed in."""

_PATTERNS = [
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", re.escape(route).replace(r"\{", "{").replace(r"\}", "}"))), route)
    for route in NEEDED_ROLE
]


def may(caller: Caller, route: str) -> bool:
    """Whether a caller may ask a route, by its method and its path as it is written in the table."""
    if caller.role is None:
        return route == METRICS
    if route not in NEEDED_ROLE:
        return False
    needed = NEEDED_ROLE[route]
    return needed is None or caller.role.includes(needed)


def routes_at(method: str, path: str) -> list[str]:
    """Return the routes of the table that a request may be for, by its method and path."""
    asked = f"{method} {path.rstrip('/') or '/'}"
    return [route for pattern, route in _PATTERNS if pattern.fullmatch(asked)]
