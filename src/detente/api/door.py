"""What the head of a request shows, before anything of its body is taken: who asks, and how much he may bring.

A peer proves who it is by the signature in the lines of its first envelope, which stand at the beginning of the body.
The routes check again what they always checked: nothing that is let in here is believed there.
"""

from __future__ import annotations

from urllib.parse import unquote

import msgspec

from detente.airspace.refusal import Refusal
from detente.api.access import NotLetIn
from detente.api.permissions import PASSKEY_CHALLENGE, PASSKEY_SIGN_IN, SIGN_IN, may, routes_at
from detente.api.service import Service
from detente.api.views import problem_of
from detente.link.answer import ENVELOPES_PATH, MAX_BATCH_BYTES
from detente.matching.delivery import MESSAGES_PATH
from detente.matching.files import PIECE_BYTES
from detente.node.admission import STRANGER
from detente.room.channel import is_urgent
from detente.serving.exchange import Admitted, Exchange, answer_head
from detente.serving.rejected import Rejected
from detente.settings.configuration import MEGABYTE

STRANGERS_BATCH_BYTES = 64 * 1024
"""So much of a batch that no known party signed is read, to say what is wrong with it. A STOP is shorter."""
BATCH_BYTES = MAX_BATCH_BYTES + 1024
STOP_BATCH_BYTES = 2 * 1024 * 1024
"""Of a batch at the address for STOP: room for what a peer gives back of our receipts."""
SIGN_IN_BYTES = {SIGN_IN: 1024, PASSKEY_CHALLENGE: 1024, PASSKEY_SIGN_IN: 8192}
"""Of what whoever is not let in yet brings: a token and what it is wanted for; what a passkey signed."""
_STOP = "POST /line/stop"
_OF_STOP = frozenset({_STOP, "GET /line", "GET /accords"})
_NO_BODY = Admitted("", 0)
_JSON = (b"content-type", b"application/json")


class Door:
    """Judges the heads of requests of people and programs to one node."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._most_bytes = service.configuration.http.largest_body_mb * MEGABYTE

    def admit(self, exchange: Exchange) -> Admitted:
        """Say who asks, and how much he may bring to a route that his role allows; nothing to any other.

        A STOP is counted apart: what else the same person has on its way takes none of its place.
        """
        routes = routes_at(exchange.method, unquote(exchange.path.decode("latin-1")))
        found = self._service.access.caller(exchange.method.encode(), exchange.headers, exchange.way.user)
        if isinstance(found, NotLetIn):
            return Admitted("", max((SIGN_IN_BYTES.get(route, 0) for route in routes), default=0))
        client = f"{found.client}, STOP" if _STOP in routes else found.client
        return Admitted(client, self._most_bytes if any(may(found, route) for route in routes) else 0)


class OwnStopDoor(Door):
    """Judges the heads of requests of `detente line stop`: nothing else is let in there."""

    def admit(self, exchange: Exchange) -> Admitted:
        """Let nobody ask for more than sending a STOP, and what is said of it when it does not arrive, takes."""
        asked = f"{exchange.method} {exchange.path.decode('latin-1')}"
        if asked not in _OF_STOP and not asked.startswith("GET /line/messages/"):
            raise Rejected(421, "target", "a STOP", "Ask for everything else through the other file.")
        return super().admit(exchange)


class StopDoor:
    """Judges the heads of requests of peers at the address for STOP: nothing else is let in there."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def admit(self, exchange: Exchange) -> Admitted:
        """Let nobody bring anything but what may be on the channel of STOP."""
        is_delivery = exchange.method == "POST" and exchange.path == ENVELOPES_PATH.encode()
        return Admitted("", STOP_BATCH_BYTES, self._look) if is_delivery else _NO_BODY

    def _look(self, beginning: bytes) -> Admitted:
        if not is_urgent(beginning):
            raise Rejected(421, "accord", "that of the channel of STOP", "Send everything else to the other address.")
        return _sender(self._service, beginning, STOP_BATCH_BYTES)


class PeersDoor:
    """Judges the heads of requests of peers to one node."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def admit(self, exchange: Exchange) -> Admitted:
        """Say who asks and how much he may bring. A stranger brings little of a body."""
        method, path = exchange.method, exchange.path.decode("latin-1")
        if method == "POST" and path == ENVELOPES_PATH:
            return Admitted("", BATCH_BYTES, self._look)
        if method == "PUT" and path.startswith(f"{MESSAGES_PATH}/"):
            return self._admit_piece(path)
        return _NO_BODY

    def _look(self, beginning: bytes) -> Admitted:
        return _sender(self._service, beginning, BATCH_BYTES)

    def _admit_piece(self, path: str) -> Admitted:
        run = self._service.matching.runs.get(path.removeprefix(f"{MESSAGES_PATH}/").partition("/")[0])
        if run is None or self._service.matching.key_of(run.peer) is None:
            return _NO_BODY
        return Admitted("", PIECE_BYTES + 1024)


def _sender(service: Service, beginning: bytes, most_bytes: int) -> Admitted:
    """Who brings a batch that begins so: a peer, who may bring `most_bytes`, or a stranger."""
    key = service.admission.sender(beginning)
    return Admitted("", STRANGERS_BATCH_BYTES) if key == STRANGER else Admitted(f"peer {key.hex()}", most_bytes)


def refusal(rejected: Rejected) -> tuple[bytes, bytes]:
    """What a listener rejects, in the form of every other refusal of the API."""
    said = Refusal("api.node_says", rejected.field, "(not shown)", expected=rejected.expected, mend=rejected.mend)
    return answer_head(rejected.status, [_JSON]), msgspec.json.encode(problem_of(said))
