"""What a private match has opened, read from the journal's file: parts of our plans, and parts of the peer's."""

from __future__ import annotations

import msgspec

from detente.airspace.plan import Plan
from detente.link.copies import proven_entries
from detente.link.directory import NodeDirectory
from detente.matching.life import MatchingEvent, OpenedPart, PartsOpened, PartsSeen
from detente.matching.room import MatchingRoom


class RunParts(msgspec.Struct, frozen=True):
    """The parts of ours that the peer was shown in a run, and those of the peer's that we were."""

    opened: tuple[OpenedPart, ...]
    seen: tuple[Plan, ...]


def read_parts(files: NodeDirectory, run: str) -> RunParts:
    """Return what both sides opened in a run, its late runs with it, in the order it was opened."""
    opened: list[OpenedPart] = []
    seen: list[Plan] = []
    for entry in proven_entries(files.journal_path):
        if entry.kind != MatchingRoom.name:
            continue
        event = msgspec.json.decode(entry.body, type=MatchingEvent)
        if isinstance(event, PartsOpened) and event.run == run:
            opened += event.parts
        elif isinstance(event, PartsSeen) and event.run == run:
            seen += event.parts
    return RunParts(tuple(opened), tuple(seen))
