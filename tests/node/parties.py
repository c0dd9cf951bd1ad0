"""Two real parties for the tests: directories as `detente init` and `detente pair` make them, nodes as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

import forked
from detente.accord.terms import Accord, AccordParty, Telephone, format_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.api.access import local_token
from detente.link.card import Card, make_card, write_card
from detente.link.directory import NodeDirectory
from detente.link.trust import write_durably
from detente.record.keys import NodeKey
from detente.settings.address import address_of
from ports import free_port

PATIENCE_S = 120.0
"""Ends what hangs, on a machine however busy."""
TODAY = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def area_plan(plan_id: str, east_deg: float = 0.0, level_m: float = 3000.0, start_s: float = 0.0) -> Plan:
    """Five kilometres around a point of the Mediterranean, 100 m high, for ten minutes from now on."""
    band = AltitudeBand(*(Altitude(level_m + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 100.0)))
    begin = TODAY + timedelta(hours=2, seconds=start_s)
    window = TimeWindow(begin, begin + timedelta(minutes=10))
    return Plan(plan_id, (Volume4D(Circle(Position(34.0, 20.0 + east_deg), 5000.0), band, window),))


class Answer:
    """Status and decoded JSON of an HTTP answer."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Party:
    """A party's directory and, when it runs, its node: `port` is for its people, `link_port` for its peers."""

    def __init__(
        self, path: Path, name: str, port: int, *, reachable: bool = True, tls: bool = False, called_at: int = 0,
        key: NodeKey | None = None,
        stop_port: int = 0,
    ) -> None:  # fmt: skip
        """`called_at` is the port on the card, where something may stand between: without it the node's own.

        At `stop_port` STOP has a listener of its own; 0: none.
        """
        path.mkdir(parents=True)
        self.path = path
        self.name = name
        self.port = port
        self.files = NodeDirectory(path)
        self.key = key or NodeKey.generate()
        self.key.save(self.files.key_path)
        self.link_port = free_port()
        self.stop_port = stop_port
        here = f"{'https' if tls else 'http'}://127.0.0.1"
        addresses = (f"{here}:{called_at or self.link_port}",) if reachable else ()
        stop_addresses = (f"{here}:{stop_port}",) if stop_port else ()
        self.card: Card = make_card(self.key, name, addresses, datetime.now(UTC), stop_addresses)
        write_durably(self.files.card_path, write_card(self.card))
        self.process: forked.ForkedProcess | subprocess.Popen[str] | None = None
        self.token = local_token(self.key)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self, accord: Accord, *, automatic: bool = False, extra: str = "") -> None:
        self.files.config_path.write_text(
            f'party = "{self.name}"\n\n[http]\nport = {self.port}\n\n[link]\n'
            f"{f'port = {self.link_port}' if self.card.addresses else ''}\nlongest_wait_s = 0.5\n\n"
            f"[settlement]\nautomatic = {str(automatic).lower()}\n{extra}"
        )
        (self.path / "accord.toml").write_text(format_accord(accord))

    def start(self, *arguments: str) -> None:
        """Start the node and wait until it listens."""
        self.begin(*arguments)
        self.wait()

    def begin(self, *arguments: str) -> None:
        with (self.path / "log.jsonl").open("a") as log:
            self.process = forked.start("node", "--dir", str(self.path), *arguments, errors=log)

    def wait(self) -> None:
        assert self.process is not None
        self.until(lambda: self.process.poll() is not None or address_of(self.path) is not None, "starts")
        assert self.process.poll() is None, self.log()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        try:
            code = self.process.wait(PATIENCE_S)
        finally:
            assert self.process.stdout is not None
            self.said = self.process.stdout.read()
            self.process.stdout.close()
            self.process = None
            (self.path / "node.address").unlink(missing_ok=True)
        return code

    def log(self) -> str:
        return (self.path / "log.jsonl").read_text()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        data = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.token}"
        url = f"http://127.0.0.1:{self.link_port}" if path.startswith("/link/") else self.url
        request = urllib.request.Request(url + path, data=data, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return Answer(response.status, response.read(), dict(response.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), dict(error.headers))

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, body: object = None) -> Any:
        answer = self.ask("POST", path, b"" if body is None else body)
        assert answer.status == 200, answer.body
        return answer.json

    def link(self, name: str) -> str:
        """The token of a new sign-in link of a person."""
        link: str = self.post(f"/people/{name}/link")["link"]
        return link.partition("#")[2]

    def session(self, name: str, role: str = "", *posts: str) -> str:
        """The token of a new session of a person, who is added first where a role is said."""
        if role:
            self.post("/people", {"name": name, "role": role, "posts": posts})
        answer = self.ask("POST", "/sign-in", {"token": self.link(name), "bearer": True}, token=None)
        assert answer.status == 200, answer.body
        token: str = answer.json["token"]
        return token

    def imports(self, *plans: Plan) -> Any:
        return self.post("/plans", {"plans": plans})

    def cli(self, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [forked.program(), *arguments, "--dir", str(self.path)],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
            env={**os.environ, "DETENTE_LANGUAGE": language, "COLUMNS": "200"},
        )  # fmt: skip

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is so; fail with the log when it never is."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{self.name}: never {what}\n{self.log()[-4000:]}")
            time.sleep(0.02)


TELEPHONES = (Telephone("watch", "+41 22 730 5111"),)


def accord_of(*parties: Party, horizontal_m: float = 9260.0) -> Accord:
    return Accord(
        "test",
        1,
        tuple(AccordParty(party.name, party.key.public.hex(), telephones=TELEPHONES) for party in parties),
        TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30)),
        MinimaTable(Minima(horizontal_m, 304.8, 0.0)),
    )


@contextmanager
def two_parties(
    path: Path,
    *,
    automatic: bool = False,
    start: bool = True,
    tls: bool = False,
    south_called_at: int = 0,
    south_stop_port: int = 0,
    names: tuple[str, str] = ("north", "south"),
) -> Iterator[tuple[Party, Party]]:
    """North and south, paired, under one accord; whatever still runs at the end is killed."""
    north = Party(path / "north", names[0], free_port(), tls=tls)
    south = Party(path / "south", names[1], free_port(), tls=tls, called_at=south_called_at, stop_port=south_stop_port)
    north.files.trust.trust(south.card)
    south.files.trust.trust(north.card)
    accord = accord_of(north, south)
    try:
        for party in (north, south):
            party.configure(accord, automatic=automatic)
            if start:
                party.begin()
        if start:
            north.wait()
            south.wait()
        yield north, south
    finally:
        for party in (north, south):
            if party.process is not None:
                party.kill()
