"""A real node that breaks the protocol of private matching, one way for each epoch: hostile_node.py DIR WAYS."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.api.program import run_node
from detente.matching.life import Announced, MessageSent
from detente.node.desks.matching import MatchingDesk
from detente.node.matching.course import Course

WAYS = sys.argv[2].split(",")
RECORDED: dict[str, bytes] = {}
honest_send, honest_driver, honest_sayings = Course._send, Course._driver, MatchingDesk.sayings


def way_of(record) -> str:
    return WAYS[int(record.epoch.timestamp()) // record.epoch_seconds % len(WAYS)]


async def driver(self):
    if way_of(self._record) == "refuses" and self._record.attempt == 1:
        raise Refusal("plan of ours", "secret-name", "nothing that anybody may know")
    made = await honest_driver(self)
    if way_of(self._record) == "replay":
        honest = made.message
        made.message = lambda name: RECORDED.get(name, honest(name)) if name == "2-masked" else honest(name)
    return made


async def send(self, driver, name):
    way = way_of(self._record)
    RECORDED.setdefault(name, driver.message(name))
    if way == "stalls" and name == "2-masked":
        await asyncio.sleep(3600)
    if way == "leaves" and name == "5-reveal":
        raise Refusal("run", "", "what we wanted to know")
    await honest_send(self, driver, name)
    if way == "suppresses" and name == "2-masked":
        side = driver.side
        take_list = side.take_list

        def suppressed(*arguments):
            doubled = take_list(*arguments)
            answers = side.peer_answers[-1].copy()
            answers[::2] = answers[::2] ^ 255
            side.peer_answers[-1] = answers
            return doubled

        side.take_list = suppressed


def sayings(self, event):
    for saying in honest_sayings(self, event):
        way = way_of(self.runs[event.run if isinstance(event.run, str) else event.run.run])
        if not isinstance(event, MessageSent) or event.noted.name != "2-masked":
            yield saying
            continue
        said = msgspec.json.decode(saying.body, type=Announced)
        changes = {
            "equivocates": [{}, {"sha256": "00" * 32}], "too_big": [{"size": event.noted.size + 1}],
            "other_name": [{"name": "late-first-01-6-late"}], "other_bytes": [{"sha256": "11" * 32}],
        }.get(way, [{}])  # fmt: skip
        for change in changes:
            noted = msgspec.structs.replace(said.message, **change)
            yield saying._replace(body=msgspec.json.encode(msgspec.structs.replace(said, message=noted)))


if __name__ == "__main__":
    Course._send, Course._driver, MatchingDesk.sayings = send, driver, sayings
    sys.exit(run_node(Path(sys.argv[1]), print))
