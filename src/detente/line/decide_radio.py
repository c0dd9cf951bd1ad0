"""Decide about radio checks: what each side's crew heard, and which check is overdue (R34)."""

from __future__ import annotations

from datetime import datetime, timedelta

from detente.airspace.refusal import Refusal
from detente.line.commands import ReportRadio
from detente.line.decide_messages import peer_line
from detente.line.events import LineEvent, LineRadioOverdue, LineRadioReported
from detente.line.peer_messages import RadioReportMessage
from detente.line.radio import AHEAD_S, RadioReport, RadioStanding, due_at
from detente.line.state import LineState
from detente.room.message import Heard


def report(line: LineState, command: ReportRadio) -> list[LineEvent]:
    """Our crew heard the peer's, or did not; the peer is told."""
    if command.party != line.party:
        raise Refusal("line.our_own_party", "party", command.party, party=line.party)
    return _reported(line, command.party, command.peer, command.report, command.at)


def hear_report(line: LineState, command: Heard[RadioReportMessage]) -> list[LineEvent]:
    """The peer says what its crew heard of ours."""
    return _reported(line, command.party, command.party, command.message.report, command.at)


def overdue(line: LineState, peer: str, at: datetime) -> list[LineEvent]:
    """Return an event for each frequency whose check has become overdue by `at`."""
    terms, held = line.open_lines[peer], line.peers[peer]
    if held.radio_since is None:
        return []
    standings = {standing.frequency_khz: standing for standing in held.radio}
    found: list[LineEvent] = []
    for duty in terms.radio:
        standing = standings.get(duty.frequency_khz, RadioStanding(duty.frequency_khz))
        late = due_at(standing, held.radio_since, terms.radio_check_every_s) <= at
        if duty.due and late and not standing.overdue:
            found.append(LineRadioOverdue(at, peer, duty.frequency_khz))
    return found


def _reported(line: LineState, party: str, peer: str, given: RadioReport, at: datetime) -> list[LineEvent]:
    held = peer_line(line, peer)
    listed = [duty.frequency_khz for duty in line.terms[peer].radio]
    if given.frequency_khz not in listed:
        plan = ", ".join(f"{frequency} kHz" for frequency in listed) or "none"
        raise Refusal("line.frequency_radio_plan", "report.frequency_khz", given.frequency_khz, plan=plan)
    if given.checked_at > at + timedelta(seconds=AHEAD_S):
        raise Refusal("line.time_not_after_now", "report.checked_at", given.checked_at.isoformat(), at=at.isoformat())
    standing = next((s for s in held.radio if s.frequency_khz == given.frequency_khz), None)
    if standing is not None and given == (standing.ours if party == line.party else standing.theirs):
        return []
    return [LineRadioReported(at, party, peer, given)]
