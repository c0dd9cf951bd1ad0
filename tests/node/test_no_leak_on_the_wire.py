"""Two private worlds on real nodes: the peer's server and client see the same requests, headers, statuses and sizes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import Party, area_plan
from test_no_leak import accord_with

from detente.accord.terms import AccordParty, Disclosure, accord_hash
from detente.link.envelope import read_envelope
from detente.link.links import Links
from detente.link.standing import STANDING_FORM, read_standing
from detente.picture.messages import PlanDeclaredMessage, PlanWithdrawnMessage
from detente.record.journal import Journal
from detente.room.message import Message
from detente.room.tagged import write_tagged
from ports import free_port
from receiving import receive_batch

UNLIKE = {"date", "authorization"}
"""Headers that say only when it was, and what is not the peer's."""


class Recorder:
    """South: takes north's envelopes in as a node would, writes down all that it can observe, and sends its own."""

    def __init__(self, south: Party, north: Party, accord: str) -> None:
        self._south, self._north = south, north
        self._links = Links(south.key.public)
        self.session = self._links.open(north.key.public, accord)
        self._journal = Journal.open(south.path / "recorder.sqlite", south.key)
        self.seen: list[tuple[Any, ...]] = []
        self.kinds: list[str] = []
        self._guard = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = recorder.take(self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", south.link_port), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        with self._guard:
            asked = read_standing(body)[0] if STANDING_FORM.starts(body) else None
            told = [] if asked else list(_envelopes(body))
            direction = asked.direction if asked else told[0].direction
            if direction.accord != self.session.outgoing.accord:
                return 403, b"{}"  # the line's channels carry checks at times of their own
            judgement = receive_batch(self._links, self._south.key, self._journal, body, datetime.now(UTC))
            told_headers = sorted(
                (name.lower(), value) for name, value in headers.items() if name.lower() not in UNLIKE
            )
            bodies = [(asked.sent, asked.received)] if asked else [(e.number, e.kind, e.body) for e in told]
            self.seen.append(("request", path, told_headers, len(body), bodies))
            self.kinds += [envelope.kind for envelope in told]
            return judgement.status, judgement.answer

    def send(self, *messages: Message) -> None:
        with self._guard:
            envelopes = self.session.seal(self._south.key, [write_tagged(m) for m in messages], datetime.now(UTC))
        answer = self._north.ask("POST", "/link/v1/envelopes", b"".join(e.raw for e in envelopes), token=None)
        headers = sorted((name.lower(), value) for name, value in answer.headers.items() if name.lower() not in UNLIKE)
        with self._guard:
            self.seen.append(("answer", answer.status, headers, len(answer.body)))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()
        self._journal.close()


def _envelopes(body: bytes) -> Iterator[Any]:
    offset = 0
    while offset < len(body):
        envelope, offset = read_envelope(body, offset)
        yield envelope


def seen_in(path: Path, world: int) -> tuple[list[tuple[Any, ...]], list[str]]:
    """All that south observes in one world: the worlds differ in how many plans meet its own, and in what they are."""
    north, south = (Party(path / name, name, free_port()) for name in ("north", "south"))
    north.files.trust.trust(south.card)
    parties = tuple(AccordParty(party.name, party.key.public.hex()) for party in (north, south))
    accord = msgspec.structs.replace(accord_with(Disclosure.CONFLICT), parties=parties)
    north.configure(accord)
    recorder = Recorder(south, north, accord_hash(accord))
    with contextlib.closing(recorder):
        north.start()
        try:
            hidden = [area_plan(f"secret-{n}", 0.01 * n, 3000.0 + 20 * n) for n in range(1 + 7 * world)]
            north.imports(*hidden)
            recorder.send(*(PlanDeclaredMessage(area_plan(f"s{n}", 2.0 * n), 1) for n in range(3)))
            north.until(lambda: len(recorder.kinds) == 3, "answers for three plans")
            for _ in range(3 * world):
                north.imports(area_plan("secret-0", 0.02, 3100.0), area_plan("elsewhere", 9.0))
                north.post("/plans/elsewhere/activate")
                north.post("/plans/elsewhere/withdraw")
                north.imports(area_plan("secret-0", 0.0))
            recorder.send(PlanWithdrawnMessage("s1"), PlanWithdrawnMessage("never-there"))
            for plan in hidden:
                north.post(f"/plans/{plan.plan_id}/withdraw")
            north.until(lambda: len(recorder.kinds) == 4, "says that the conflict is over")
        finally:
            north.kill()
    return recorder.seen, recorder.kinds


@pytest.mark.long
def test_what_is_kept_back_changes_no_request_header_status_or_size(tmp_path: Path) -> None:
    (first, kinds), (second, _) = seen_in(tmp_path / "one", 0), seen_in(tmp_path / "two", 1)
    assert kinds == ["conflict_answer"] * 4
    # The two worlds' ports differ, and nothing else may.
    assert [_but_ports(row) for row in first] == [_but_ports(row) for row in second]


def _but_ports(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([(n, "" if n == "host" else v) for n, v in part] if isinstance(part, list) and part and
                 len(part[0]) == 2 else part for part in row)  # fmt: skip
