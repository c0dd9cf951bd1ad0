"""What a peer signed and what could not be accepted is counted, kept short, and read again from old journals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from detente.room.refused import RecordRefusedMessage, RefusedMessages, RefusedRoom

GOLDEN = Path(__file__).parent / "golden" / "refused.jsonl"
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_a_refused_message_is_counted_and_kept_short() -> None:
    room = RefusedRoom(RefusedMessages())
    (event,) = room.decide(RecordRefusedMessage(NOON, "south", "plan_amended", "revision", "x" * 5000, "one", ""))
    room.evolve(event)
    assert len(event.value) == 200
    assert room.state.counts == {"south": 1}


def test_events_of_old_journals_are_still_read() -> None:
    room = RefusedRoom(RefusedMessages())
    pinned = GOLDEN.read_bytes().splitlines()
    assert [room.encode(room.decode(line)) for line in pinned] == pinned
