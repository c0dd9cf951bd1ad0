"""A real node that breaks the protocol of private matching, one way for each epoch: hostile_node.py DIR WAYS."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import numpy as np

from detente.airspace.refusal import Refusal
from detente.api.program import run_node
from detente.matching.life import MessageSent
from detente.matching.room import MatchingRoom
from detente.tasks.matching_run import RunAtWork

sys.path.append(str(Path(__file__).parents[1] / "matching"))
from cheats import ProbingLists, suppressing

WAYS = sys.argv[2].split(",")
RECORDED: dict[str, bytes] = {}
honest_send, honest_driver, honest_messages = RunAtWork._send, RunAtWork._driver, MatchingRoom.messages_of


def way_of(record) -> str:
    return WAYS[int(record.epoch.timestamp()) // record.epoch_seconds % len(WAYS)]


async def driver(self):
    if way_of(self._record) == "refuses" and self._record.attempt == 1:
        raise Refusal("api.node_says", "plan of ours", "secret-name", expected="nothing that anybody may know", mend="")
    made = await honest_driver(self)
    if way_of(self._record) == "replay":
        honest = made.message
        made.message = lambda name: RECORDED.get(name, honest(name)) if name == "2-masked" else honest(name)
    return made


async def send(self, driver, name):
    way = way_of(self._record)
    RECORDED.setdefault(name, driver.message(name))
    if (way == "stalls" and name == "2-masked") or (way == "unproven" and name == "4-proof"):
        await asyncio.sleep(3600)
    if way == "leaves" and name.endswith("-reveal"):
        raise Refusal("api.node_says", "run", "", expected="what we wanted to know", mend="")
    await honest_send(self, driver, name)
    if way == "suppresses" and name == "1-commit":
        suppressing(driver.side, 0.5)
    if way == "probes" and name == "1-commit":
        driver.side._lists = ProbingLists(driver.side, np.arange(1_000, 3_000))


def messages_of(self, event):
    for addressed in honest_messages(self, event):
        way = way_of(self.state.runs[event.run if isinstance(event.run, str) else event.run.run])
        if not isinstance(event, MessageSent) or event.noted.name != "2-masked":
            yield addressed
            continue
        changes = {
            "equivocates": [{}, {"sha256": "00" * 32}], "too_big": [{"size": event.noted.size + 1}],
            "other_name": [{"name": "late-01-1-late"}], "other_bytes": [{"sha256": "11" * 32}],
        }.get(way, [{}])  # fmt: skip
        for change in changes:
            noted = msgspec.structs.replace(event.noted, **change)
            yield addressed._replace(message=msgspec.structs.replace(addressed.message, noted=noted))


if __name__ == "__main__":
    RunAtWork._send, RunAtWork._driver, MatchingRoom.messages_of = send, driver, messages_of
    sys.exit(run_node(Path(sys.argv[1]), print))
