"""A peer's clock is far from ours: the time that it puts on a message is marked wherever the message is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from parties import two_parties
from test_hostile_line import Impostor
from test_node_line import arrived, send

from detente.cli.line_frame import Shown, frame
from detente.line.messages import LineMessage
from detente.line.peer_messages import CodedMessage
from detente.room.channel import Channel
from detente.room.tagged import write_tagged

MARKS = {600: "THE TIME IS WRONG", -1800: "LATE: ", 3: None, -20: None}


def test_a_sent_at_time_far_off_is_marked_on_every_screen(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        north.start()
        cases = [(off_s, code) for off_s in MARKS for code in ("radio_check", "stop")]
        peers = {"radio_check": Impostor(south, north, Channel.LINE), "stop": Impostor(south, north, Channel.STOP)}
        for number, (off_s, code) in enumerate(cases, start=1):
            sent_at = datetime.now(UTC) + timedelta(seconds=off_s)
            message = CodedMessage(LineMessage("south", "north", number, code, sent_at))
            assert peers[code].post(peers[code].sealed(write_tagged(message)))[0] == 200
        views = {view["message_id"]: view for view in north.get("/line/messages")}
        inbox = north.cli("line", "inbox").stdout
        for number, (off_s, _) in enumerate(cases, start=1):
            view, mark = views[f"south:{number}"], MARKS[off_s]
            lines, _ = frame(
                Shown("north", {"lines": {}, "terms": {}, "watches": [], "accord_warnings": []}, [view]), "", 200, 40
            )
            shown = inbox.split(f"south:{number},")[1].split("from south")[0]
            for text in (shown, "\n".join(lines)):
                marks = {word for word in ("THE TIME IS WRONG", "LATE: ") if word in text}
                assert marks == (set() if mark is None else {mark}), text
            assert (view["sent_at_off_s"] is None) == (mark is None)
            assert mark is None or view["sent_at_off_s"] == pytest.approx(off_s, abs=60)


def test_our_own_message_is_never_marked(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears north")
        assert [m["sent_at_off_s"] for party in (north, south) for m in party.get("/line/messages")] == [None, None]
