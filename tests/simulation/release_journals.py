"""Journals of this release as test data: two nodes whose people touch every room, and what the state was at the end.

    python tests/simulation/release_journals.py tests/data/journals/0.1

Run it once for a release, when its encodings are final, and never again for the same one: `test_release_journals.py`
replays the journals of every release with the code of today.
"""

from __future__ import annotations

import asyncio
import json
import logging
import lzma
import sys
from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import structlog

sys.path.insert(0, str(Path(__file__).parent))

from authorities import Authority
from node_parts import empty_state
from station import JOURNAL, Station
from world import BEGAN, World

from detente.airspace.refusal import Refusal
from detente.line.room import LineRoom
from detente.link.card import write_card
from detente.node.state import NodeState
from people import ACTS, Officer

SEED = 1
PAUSE_S = 1.0
TURNS = 3
MANIFEST = "release.json.xz"
NEEDS_AN_ENEMY = {"take_alarms"}


def plain(value: Any) -> Any:
    """Return a state as JSON holds it: fields by name, what has no order sorted."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {" ".join(_words(key)): plain(one) for key, one in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(one) for one in value), key=repr)
    if isinstance(value, list | tuple | deque):
        return [plain(one) for one in value]
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return {name: plain(one) for name, one in vars(value).items() if not name.startswith("_") and not callable(one)}


def _words(key: Any) -> list[str]:
    return [word for part in key for word in _words(part)] if isinstance(key, tuple) else [str(plain(key))]


def state_of_rooms(state: NodeState) -> dict[str, Any]:
    """What every room holds, by its name."""
    of_itself = {"accord", "event", "line"}
    return {
        **{room.name: plain(room.state) for room in state.rooms if room.name not in of_itself},
        "picture": plain(state.picture.snapshot()), "line": plain(state.rooms.of_type(LineRoom).state.snapshot()),
        "accords": {peer: plain(talks.records) for peer, talks in state.accords.talks.items()},
        "links": {
            f"{s.outgoing.recipient.hex()} {s.outgoing.accord}":
                [s.sent_number, s.receipted_number, s.received_number, s.received_hash.hex(), s.acknowledged_number]
            for s in state.links if s.sent_number or s.received_number
        },
    }  # fmt: skip


class Session:
    """The scripted session: authorities bring an accord into force, then officers do everything in turn."""

    def __init__(self) -> None:
        self.world = World(SEED, ("north", "south"))
        self.stations = list(self.world.stations.values())
        self._machine = self.world.timeline.machine("people")
        self.done: set[str] = set()

    def play(self) -> None:
        for station in self.stations:
            station.start()
            self._machine.call_soon(lambda station=station: self._machine.create_task(self._act(station)))
        self.world.run_for(TURNS * (len(ACTS) + 5) * PAUSE_S + 60.0)

    async def _act(self, station: Station) -> None:
        others = {one.name: one for one in self.stations if one is not station}
        authority = Authority(station, others, self.world.chance(f"authority {station.name}"), BEGAN)
        officer = Officer(station.name, tuple(others), self.world.chance(f"officer {station.name}"))

        async def begin(node) -> None:
            for peer, act in authority.begin(node):
                await node.act_on_accord(peer, act)

        for _ in range(5):
            await station.ask(begin)
            await asyncio.sleep(2 * PAUSE_S)
        for _ in range(TURNS):
            for name in officer.chance.sample([*ACTS, *["import_plans"] * 4], len(ACTS) + 4):
                act = ACTS[name][0]

                async def work(node, act=act):
                    command = act(officer, node)
                    return None if command is None else await node.do(command)

                await asyncio.sleep(PAUSE_S)
                try:
                    if await station.ask(work) is not None:
                        self.done.add(name)
                except Refusal as refusal:
                    station.note(f"{name}: {refusal}")


def main(folder: Path) -> None:
    """Write the journals of a session and what they hold to a folder that does not exist."""
    folder.mkdir(parents=True)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    session = Session()
    session.play()
    missing = set(ACTS) - session.done - NEEDS_AN_ENEMY
    assert not missing, f"the session did not do {sorted(missing)}"
    parties: dict[str, Any] = {}
    for station in session.stations:
        state = empty_state(station)
        state.replay(station.life.journal.read())
        parties[station.name] = {
            "card": write_card(station.card).decode(), "authority": station.authority.public.hex(),
            "head": [station.life.journal.head.number, station.life.journal.head.hash.hex()],
            "state": state_of_rooms(state),
        }  # fmt: skip
        station.life.journal.close()
        journal = (station.disk.directory / JOURNAL).read_bytes()
        (folder / f"{station.name}.sqlite.xz").write_bytes(lzma.compress(journal))
    (folder / MANIFEST).write_bytes(lzma.compress(json.dumps(parties, sort_keys=True).encode()))
    session._machine.clear_away()
    session.world.clear_away()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
