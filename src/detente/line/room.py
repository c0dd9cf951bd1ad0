"""The room of the line: coded messages between posts, their receipts, watches, line checks, radio checks and alarms.

While an accord is suspended, a coded message goes on where the accord keeps the activity that its code belongs to. Our
own people are refused the others before they are sent. A peer's are refused and kept on record. A STOP that has come is
always shown, whatever the accord says. What becomes of a message that went through goes through too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.details.details import DetailsRefused
from detente.line import decide_messages
from detente.line.activities import PLANNING_RESUMED, PLANNING_SUSPENDED, activity_of
from detente.line.alarms import AlarmKind
from detente.line.commands import (
    CheckLine,
    HeardByVoice,
    HeardOutOfOrder,
    LineCommand,
    OpenLine,
    RaiseAlarm,
    SendLineMessage,
)
from detente.line.decide import decide
from detente.line.events import (
    LineCheckAnswered,
    LineCheckAsked,
    LineCheckDone,
    LineEvent,
    LineMessageSent,
    LineMessageTaken,
    LinePostsCalled,
    LineRadioReported,
    LineReadBackJudged,
    LineReceiptGiven,
)
from detente.line.evolve import evolve
from detente.line.late_notices import late_calls
from detente.line.peer_messages import (
    CalledMessage,
    CheckAnswerMessage,
    CheckMessage,
    CheckResultMessage,
    CodedMessage,
    LinePeerMessage,
    RadioReportMessage,
    ReadBackJudgedMessage,
    ReceiptMessage,
    TakenMessage,
)
from detente.line.state import LineKept, LineState
from detente.line.terms import terms_of
from detente.picture.events import NoticeAmended, NoticeGiven
from detente.picture.picture import Picture
from detente.room.activity import Activity, Need, SafetyFunction
from detente.room.channel import Channel
from detente.room.link_faults import LinkFault
from detente.room.message import Addressed, Heard, Message
from detente.room.past import PAST
from detente.room.refused import MessageNotTaken
from detente.room.room import Room
from detente.room.set_back import SetBackMessage


class LineRoom(Room[LineState, LineCommand, LineEvent]):
    """Keeps the line with every peer with whom there is or was an accord.

    `number_after` says after which number a message that follows from something else has its own.
    """

    name = "line"
    commands = LineCommand
    events = LineEvent
    messages = LinePeerMessage
    own_channel = Channel.LINE
    reads_rooms = frozenset({"line", "accord", PAST})
    kept = LineKept

    def __init__(self, state: LineState, accords: Accords, picture: Picture) -> None:
        super().__init__(state)
        self._accords = accords
        self._picture = picture
        self.number_after: Callable[[str], int] = lambda _: 0

    def decide(self, command: LineCommand | Heard[Any]) -> list[LineEvent]:
        """See `Room.decide`. As time passes, no check is asked for where the accord does not let checks go on."""
        if isinstance(command, SendLineMessage):
            self._check_suspension(command)
        decided = decide(self.state, command)
        return [e for e in decided if not isinstance(e, LineCheckAsked) or self._checks(e)]

    def evolve(self, event: LineEvent) -> None:
        """See `Room.evolve`."""
        evolve(self.state, event)

    def forget(self, before: datetime) -> None:
        """See `Room.forget`."""
        self.state.forget(before)

    def messages_of(self, event: LineEvent) -> Iterator[Addressed]:
        """See `Room.messages_of`. A STOP, and every message about one, goes on a channel of its own (R9)."""
        for peer, message in self._told(event):
            yield Addressed(peer, message, Channel.STOP if self._is_urgent(peer, message) else None)

    def said_before(self, at: datetime, peer: str, message: Message) -> list[LineEvent]:
        """See `Room.said_before`."""
        return decide_messages.said_before(self.state, at, peer, message)

    def aside(self, heard: Heard[Any]) -> HeardOutOfOrder | None:
        """See `Room.aside`: a STOP is shown, marked, whatever the numbers of its envelope say (R9)."""
        message = heard.message
        if isinstance(message, CodedMessage) and decide_messages.says_stop(message.content):
            return HeardOutOfOrder(heard.at, heard.party, message)
        return None

    def channels(self, message: Message) -> tuple[Channel, ...]:
        """See `Room.channels`. A history that was set back may be that of any channel."""
        return tuple(Channel) if isinstance(message, SetBackMessage) else (Channel.LINE, Channel.STOP)

    def need_of(self, command: LineCommand | Heard[Any]) -> Need | None:
        """See `Room.need_of`."""
        match command:
            case SendLineMessage(peer=peer, code=code, answers=answers):
                return Need(peer, self._activity_of(peer, code, answers))
            case (
                Heard(party=peer, message=CodedMessage(content))
                | HeardByVoice(party=peer, message=CodedMessage(content))
            ):
                activity = self._activity_of(peer, content.code, content.answers)
                return None if activity is SafetyFunction.STOP else Need(peer, activity)
            case CheckLine(peer=peer) | Heard(party=peer, message=CheckMessage()):
                return Need(peer, SafetyFunction.LINE_CHECKS)
            case _:
                return None

    def reactions(self, event: object) -> Iterator[LineCommand]:
        """See `Room.reactions`. A late notice calls the peers' posts; what speaks against a peer is an alarm."""
        match event:
            case NoticeGiven() | NoticeAmended():
                peers = [p for p in sorted(self.state.open_lines) if self._accords.may_plan(p, event.at)]
                yield from late_calls(event, self._picture, peers, self.number_after)
            case DetailsRefused(at=at, party=peer, notice_id=notice_id):
                yield RaiseAlarm(at, peer, AlarmKind.WRONG_OPENING, f"notice {notice_id}")
            case MessageNotTaken(at=at, party=peer, message=kind, about=about, expected=expected):
                yield RaiseAlarm(at, peer, AlarmKind.NOT_TAKEN, f"{kind} {about}: {expected}")
            case LinkFault(at=at, party=peer, kind=kind, detail=detail):
                yield RaiseAlarm(at, peer, AlarmKind(kind.value), detail)

    def when_standing_changes(self, at: datetime) -> Iterator[LineCommand]:
        """See `Room.when_standing_changes`. The line goes on with a peer whose accord is suspended or over."""
        lines = {peer: terms_of(accord) for peer, accord in sorted(self._accords.terms(at).items())}
        yield OpenLine(at, self._accords.party, lines)

    def _check_suspension(self, command: SendLineMessage) -> None:
        """Refuse to say of the accord what is not so."""
        ours = self._accords.party in self._accords.suspended_by(command.peer, command.at)
        if command.code == PLANNING_SUSPENDED and not ours:
            raise Refusal("line.accord_we_suspended", "code", command.code)
        if command.code == PLANNING_RESUMED and ours:
            raise Refusal("line.accord_we_not_suspended", "code", command.code)

    def _checks(self, event: LineCheckAsked) -> bool:
        return self._accords.allows(event.peer, SafetyFunction.LINE_CHECKS, event.at)

    def _activity_of(self, peer: str, code: str, answers: str | None) -> Activity:
        record = self.state.messages.get((peer, answers or ""))
        return activity_of(code, None if record is None else record.message.code)

    def _told(self, event: LineEvent) -> Iterator[tuple[str, LinePeerMessage]]:
        """Which peer is told what of an event of our own party; nobody is told what a peer did itself."""
        own = self.state.party
        if getattr(event, "party", own) != own:
            return
        match event:
            case LineMessageSent(message=content):
                yield content.recipient, CodedMessage(content)
            case LineReceiptGiven(peer=peer, message_id=id_, receipt=receipt):
                yield peer, ReceiptMessage(id_, receipt)
            case LineMessageTaken(peer=peer, message_id=id_, post=post):
                yield peer, TakenMessage(id_, post)
            case LinePostsCalled(peer=peer, message_id=id_, step=step):
                yield peer, CalledMessage(id_, step)
            case LineReadBackJudged(peer=peer, message_id=id_, differences=wrong):
                yield peer, ReadBackJudgedMessage(id_, wrong)
            case LineCheckAsked(peer=peer, check=check):
                yield peer, CheckMessage(check)
            case LineCheckAnswered(peer=peer, answer=answer):
                yield peer, CheckAnswerMessage(answer)
            case LineCheckDone(peer=peer, result=result) if result.asker == own:
                yield peer, CheckResultMessage(result)
            case LineRadioReported(peer=peer, report=report):
                yield peer, RadioReportMessage(report)

    def _is_urgent(self, peer: str, message: LinePeerMessage) -> bool:
        """Whether a message is a STOP or about one."""
        match message:
            case CodedMessage(content):
                return content.is_stop
            case ReceiptMessage() | TakenMessage() | CalledMessage() | ReadBackJudgedMessage():
                record = self.state.messages.get((peer, message.message_id))
                return record is not None and record.message.is_stop
            case _:
                return False
