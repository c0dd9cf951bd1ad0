"""What bench/stop.py does to a node while STOPs pass: each attack goes on in a process of its own until it is ended."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from detente.accord.messages import AccordProposed
from detente.accord.terms import AccordParty, accord_hash, format_accord, parse_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.api.access import local_token
from detente.api.client import NodeClient
from detente.line.messages import LineMessage
from detente.line.peer_messages import CodedMessage
from detente.link.answer import ENVELOPES_PATH, read_answer
from detente.link.directory import NodeDirectory
from detente.link.links import Links
from detente.link.session import Session
from detente.picture.messages import PlanAmendedMessage, PlanDeclaredMessage
from detente.picture.notices import Meaning
from detente.record.keys import NodeKey
from detente.room.channel import CHANNEL_HASH, Channel
from detente.room.message import Message
from detente.room.tagged import write_tagged
from detente.settings.address import address_of
from detente.zones.messages import ZoneProposed
from detente.zones.terms import ZoneTerms
from strangers import CROWD, FEW, endless_headers, half_sent_bodies, idle_strangers, trickling_heads

OUR_PLANS = 300
STREAMS = 400
UPLOADS = 8
UPLOADED = 50_000
IMPORTED = 5_000
LARGE_VERTICES, LARGEST_VERTICES = 2_000, 10_000
LONGEST_COMMENT = 490_000
LONG_JOURNAL_PLANS = 5_000
CENTRE = Position(34.0, 21.5)


def window(start_s: float = 0.0, length_s: float = 3_600.0) -> TimeWindow:
    """Some time tomorrow."""
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1, seconds=start_s)
    return TimeWindow(begin, begin + timedelta(seconds=length_s))


def band(lower_m: float = 3_000.0, height_m: float = 100.0) -> AltitudeBand:
    """A band above mean sea level."""
    return AltitudeBand(*(Altitude(lower_m + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, height_m)))


def star(vertices: int, reach_deg: float, phase: float = 0.0) -> Polygon:
    """A ring of many vertices around the centre, in and out by a tenth, so that no corner can be left out."""
    corners = []
    for number in range(vertices):
        reach = reach_deg * (1.0 + 0.1 * math.cos(phase + 40.0 * math.tau * number / vertices))
        angle = math.tau * number / vertices
        corners.append(
            Position(CENTRE.latitude_deg + reach * math.sin(angle), CENTRE.longitude_deg + reach * math.cos(angle))
        )
    return Polygon(tuple(corners))


def around_the_edge(name: str, number: int, count: int) -> Plan:
    """One of our plans: a circle on the edge that every large plan of an attack has."""
    angle = math.tau * number / count
    place = Position(CENTRE.latitude_deg + 1.0 * math.sin(angle), CENTRE.longitude_deg + 1.0 * math.cos(angle))
    return Plan(name, (Volume4D(Circle(place, 500.0), band(), window()),))


def scattered(name: str, number: int, level_m: float = 9_000.0) -> Plan:
    """One of a day's plans that meet nothing of what the attacks declare."""
    start_s = 80_000.0 * ((number * 0.754878) % 1.0)
    place = Position(40.0 + 2.0 * ((number * 0.414) % 1.0), 20.0 + 3.0 * ((number * 0.618034) % 1.0))
    return Plan(name, (Volume4D(Circle(place, 500.0), band(level_m), window(start_s, 600.0)),))


class Console:
    """A person at the node's console: signed in, and asking over HTTP as a browser does."""

    def __init__(self, folder: Path, name: str) -> None:
        self._address = urlsplit(address_of(folder) or "").netloc
        owner = NodeClient(folder)
        owner.post("people", body=msgspec.json.encode({"name": name, "role": "duty_officer", "posts": ["watch"]}))
        link = owner.post("people", name, "link")["link"].partition("#")[2]
        self._headers: dict[str, str] = {}
        self._headers = {"Authorization": f"Bearer {self.post('/sign-in', {'token': link, 'bearer': True})['token']}"}

    def opened(self, path: str) -> HTTPConnection:
        """Ask for something, and leave the answer unread."""
        connection = HTTPConnection(self._address)
        connection.request("GET", path, headers=self._headers)
        return connection

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Post JSON over a connection of its own; return the answer. Raises OSError where none comes."""
        headers = {"Content-Type": "application/json", **self._headers}
        with closing(HTTPConnection(self._address)) as connection:
            connection.request("POST", path, body if isinstance(body, bytes) else msgspec.json.encode(body), headers)
            answered: dict[str, Any] = msgspec.json.decode(connection.getresponse().read())
            return answered

    def stop(self, body: object) -> dict[str, Any]:
        """Send a STOP."""
        return self.post("/line/stop", body)


class Attacker:
    """East's key in hostile hands: signed envelopes on one of its channels with the node of `folder`."""

    def __init__(self, folder: Path, channel: Channel) -> None:
        files = NodeDirectory(folder)
        accord = accord_hash(parse_accord((folder / "accord.toml").read_text("utf-8")))
        self._key = NodeKey.load(NodeDirectory(folder.parent / "east").key_path)
        self._session: Session = Links(self._key.public).open(files.card().key, CHANNEL_HASH.get(channel, accord))
        self._url = f"{files.card().addresses[0]}{ENVELOPES_PATH}"

    def deliver(self, *messages: Message) -> None:
        """Send messages until they are accepted; what is refused for now is sent again."""
        sealed = self._session.seal(self._key, [write_tagged(message) for message in messages], datetime.now(UTC))
        while sealed:
            request = urllib.request.Request(self._url, data=b"".join(envelope.raw for envelope in sealed))
            try:
                with urllib.request.urlopen(request) as answered:
                    answer = read_answer(answered.read())
            except urllib.error.HTTPError as error:
                with error:
                    answer = read_answer(error.read())
                if error.code == 404:
                    raise RuntimeError(f"the node takes no envelopes at {self._url}") from error
            except OSError:
                time.sleep(0.05)
                continue
            if answer.next_number is not None:
                sealed = [envelope for envelope in sealed if envelope.number >= answer.next_number]
            if sealed:
                time.sleep(0.05)


def large_plans(folder: Path) -> Iterator[None]:
    """Batches of eight plans of two thousand vertices each, over three hundred of ours."""
    attacker = Attacker(folder, Channel.PLANNING)
    for number in itertools.count():
        plans = [
            Plan(f"large-{number}-{k}", (Volume4D(star(LARGE_VERTICES, 1.0, k), band(), window()),)) for k in range(8)
        ]
        attacker.deliver(*(PlanDeclaredMessage(plan, 1) for plan in plans))
        yield


def one_plan(folder: Path) -> Iterator[None]:
    """One plan of ten thousand vertices over three hundred of ours, amended as fast as it is taken."""
    attacker = Attacker(folder, Channel.PLANNING)
    for revision in itertools.count(1):
        plan = Plan("wide", (Volume4D(star(LARGEST_VERTICES, 1.0, revision), band(), window()),))
        attacker.deliver(PlanDeclaredMessage(plan, 1) if revision == 1 else PlanAmendedMessage(plan, revision))
        yield


def wide_zones(folder: Path) -> Iterator[None]:
    """Zones of ten thousand vertices each, ten in a batch."""
    attacker = Attacker(folder, Channel.ROOMS)
    for number in itertools.count():
        terms = [
            ZoneTerms("east", Meaning.KEEP_OUT, star(LARGEST_VERTICES, 1.0, k), band(), window()) for k in range(10)
        ]
        said = [ZoneProposed("east", datetime.now(UTC), "watch", f"z{number}-{k}", t, 1) for k, t in enumerate(terms)]
        attacker.deliver(*said)
        yield


def long_accords(folder: Path) -> Iterator[None]:
    """Proposed accords whose texts are as long as they may be, five in a batch."""
    attacker = Attacker(folder, Channel.ACCORDS)
    bench = parse_accord((folder / "accord.toml").read_text("utf-8"))
    parties = tuple(
        AccordParty(party.name, party.public_key, NodeKey.generate().public.hex())
        for party in bench.parties
        if party.name != "south"
    )
    for version in itertools.count(1, 5):
        accords = [msgspec.structs.replace(bench, version=version + k, parties=parties) for k in range(5)]
        texts = [format_accord(accord) + "#\n" * LONGEST_COMMENT for accord in accords]
        attacker.deliver(*(AccordProposed("east", datetime.now(UTC), "watch", text) for text in texts))
        yield


def line_flood(folder: Path) -> Iterator[None]:
    """Valid messages of the line, as many as the allowance bears."""
    attacker = Attacker(folder, Channel.LINE)
    for first in itertools.count(1, 100):
        said = [LineMessage("east", "north", first + k, "radio_check", datetime.now(UTC)) for k in range(100)]
        attacker.deliver(*(CodedMessage(message) for message in said))
        yield


def _streams(opened: list[Callable[[str], HTTPConnection]]) -> Iterator[None]:
    """Four hundred event streams are asked for, each from the journal's beginning; every 50 ms one is asked for anew.

    The node bounds how many one client holds, and closes the others unanswered.
    """
    held: dict[int, HTTPConnection] = {}
    for number in itertools.count():
        place = number % STREAMS
        if place in held:
            held[place].close()
        with suppress(OSError, HTTPException):
            held[place] = opened[place % len(opened)](f"{('/events', '/line/events')[number % 2]}?after=0")
            if number < STREAMS:
                held[place].getresponse()
        if number >= STREAMS:
            time.sleep(0.05)
            yield


def streams(folder: Path) -> Iterator[None]:
    """Event streams of the node's owner."""
    token = local_token(NodeKey.load(NodeDirectory(folder).key_path))
    address = urlsplit(address_of(folder) or "").netloc

    def opened(path: str) -> HTTPConnection:
        connection = HTTPConnection(address)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return connection

    return _streams([opened])


def streams_of_people(folder: Path) -> Iterator[None]:
    """Event streams of ten persons, forty each."""
    return _streams([Console(folder, f"listener-{number}").opened for number in range(10)])


def uploads(folder: Path) -> Iterator[None]:
    """One person sends fifty thousand plans, eight times at once and again and again; the last of them is none."""
    console = Console(folder, "uploader")
    plans = msgspec.json.encode([scattered(f"upload-{k}", k) for k in range(UPLOADED)])
    body = b'{"plans":%b,{}]}' % plans[:-1]
    ended = threading.Semaphore(0)

    def upload() -> None:
        while True:
            with suppress(OSError, HTTPException):
                console.post("/plans", body)
            ended.release()

    for _ in range(UPLOADS):
        threading.Thread(target=upload, daemon=True).start()
    while ended.acquire():
        yield


def own_import(folder: Path) -> Iterator[None]:
    """Five thousand plans of our own in one import, each time at another level."""
    client = NodeClient(folder)
    for number in itertools.count():
        plans = [scattered(f"import-{k}", k, 5_000.0 + 10.0 * (number % 100)) for k in range(IMPORTED)]
        client.post("plans", body=msgspec.json.encode({"plans": plans}))
        yield


def disclosed(folder: Path) -> Iterator[None]:
    """The report of what a peer was told, over the whole journal, again and again."""
    program = str(Path(sys.executable).with_name("detente"))
    plans = [scattered(f"told-{k}", k) for k in range(LONG_JOURNAL_PLANS)]
    NodeClient(folder).post("plans", body=msgspec.json.encode({"plans": plans}))
    while NodeClient(folder.parent / "south").get("status")["plans"]["north"] < LONG_JOURNAL_PLANS:
        time.sleep(0.1)
    while True:
        command = [program, "disclosed", "--peer", "south", "--dir", str(folder), "--json"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        yield


def settled(folder: Path) -> Iterator[None]:
    """Two hundred new conflicts at each round, which both nodes settle by themselves."""
    for number in itertools.count():
        for name in ("north", "south"):
            plans = [scattered(f"settled-{number}-{name}-{k}", k + 200 * number, 7_000.0) for k in range(200)]
            NodeClient(folder.parent / name).post("plans", body=msgspec.json.encode({"plans": plans}))
        yield


ATTACKS: dict[str, Callable[[Path], Iterator[None]]] = {
    "large plans in batches": large_plans,
    "one plan of 10,000 vertices over 300": one_plan,
    f"zones of {LARGEST_VERTICES:,} vertices": wide_zones,
    "proposed accords of 1 MB": long_accords,
    "flood of line messages": line_flood,
    f"{STREAMS} event streams": streams,
    f"import of {IMPORTED:,} plans": own_import,
    "report of what was disclosed": disclosed,
    "200 conflicts settled by the nodes": settled,
    f"{CROWD:,} idle strangers at each listener": idle_strangers,
    f"{FEW} half-sent bodies of strangers at each": half_sent_bodies,
    "headers without an end at each": endless_headers,
    "heads of strangers that trickle in at each": trickling_heads,
    f"from the console: {CROWD:,} idle strangers at each": idle_strangers,
    f"from the console: {STREAMS} event streams of people": streams_of_people,
    "from the console: large uploads of a person": uploads,
}
FROM_THE_CONSOLE = {name for name in ATTACKS if name.startswith("from the console")}
"""Meanwhile STOPs are asked of the listener for people, as the console does."""


def attack(name: str, folder: str, rounds: str) -> None:
    """Attack until ended; a byte is added to the file `rounds` at each round."""
    with Path(rounds).open("ab", buffering=0) as counted:
        counted.writelines(b"." for _ in ATTACKS[name](Path(folder)))


if __name__ == "__main__":
    attack(*sys.argv[1:])
