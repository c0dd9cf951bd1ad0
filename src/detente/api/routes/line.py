"""The line over HTTP: messages, receipts, watches, checks, and spoken codes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from heapq import nlargest

from litestar import Router, get, post

from detente.airspace.altitude import check_range
from detente.airspace.refusal import Refusal
from detente.api.line_views import (
    AlarmsRequest,
    CodeView,
    LineDone,
    LineView,
    MessageReference,
    MessageRequest,
    MessageView,
    PassOnRequest,
    PeerRequest,
    PostRequest,
    RadioRequest,
    ReadBackRequest,
    StopRequest,
    VoiceRequest,
    WatchRequest,
    code_views,
    line_view,
    message_view,
    named,
)
from detente.api.service import Service, not_found, refused
from detente.line import commands
from detente.line.commands import LineCommand
from detente.line.delivery import DeliveryStanding
from detente.line.events import LineMessageSent
from detente.line.hand_over import summary
from detente.line.parameters import LineLanguage, Parameter, Reference
from detente.line.phrases import MessageClass, phrase_table
from detente.line.radio import RadioReport
from detente.line.read_back import Units
from detente.line.room import LineRoom
from detente.line.state import MessageRecord
from detente.line.voice import read_voice_code
from detente.line.watch import HandOver
from detente.picture.picture import Picture
from detente.room.tagged import tag_of

LONGEST_WAIT_S = 60.0
"""How long a request may wait for news of a message."""
MOST_LAST = 1_000_000


PLANS_CONFLICT = "plans_conflict"
"""The code that speaks of a conflict: its reference is the conflict's number, the same on both sides."""


@get("/", summary="Show the line")
async def show_line(service: Service) -> LineView:
    """Show the line with every peer, who keeps watch here, and what waits for a person."""
    return await service.loop.read(lambda: line_view(service.line, service.accords, service.now(), service.delivery))


@get("/codes", summary="List the message codes")
async def list_codes(service: Service, language: LineLanguage = LineLanguage.ENGLISH) -> list[CodeView]:  # noqa: ARG001
    """List every message code with its words and pronunciation in one language."""
    return code_views(language)


@get("/messages", summary="List messages")
async def list_messages(
    service: Service,
    *,
    language: LineLanguage = LineLanguage.ENGLISH,
    waiting: bool = False,
    peer: str | None = None,
    last: int | None = None,
) -> list[MessageView]:
    """List messages in the words of one language, STOP first, then by time.

    `waiting`: only those, of either side, that no person of the other has. `last`: of those
    that a person has only the newest so many; what no person has is never left out.
    """
    if last is not None:
        check_range("last", last, 0, MOST_LAST, "messages")
    return await service.loop.read(lambda: _messages(service, language, peer, last, waiting=waiting))


@get("/messages/{peer:str}/{message_id:str}", summary="Show a message")
async def show_message(
    service: Service,
    peer: str,
    message_id: str,
    language: LineLanguage = LineLanguage.ENGLISH,
    until: DeliveryStanding | None = None,
    wait_s: float = 0.0,
) -> MessageView:
    """Show one message and where it stands; with `until`, once one of ours has come as far, after `wait_s` at most."""
    check_range("wait_s", wait_s, 0.0, LONGEST_WAIT_S, "seconds")
    loop, ends_at = service.loop, asyncio.get_running_loop().time() + wait_s
    while True:
        seen = loop.news.last(LineRoom.name)
        view = await loop.read(lambda: _shown(service, peer, message_id, language))
        far = until is None or view.delivery is None or view.delivery.standing.has_reached(until)
        if not service.still_lets_in():
            raise refused(401, "api.session_of_person", "Authorization", "(not shown)")
        if far or loop.news.over or asyncio.get_running_loop().time() >= ends_at:
            return view
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends_at):
                await loop.news.after(LineRoom.name, seen)


@post("/messages", status_code=200, summary="Send a message")
async def send_message(data: MessageRequest, service: Service) -> LineDone:
    """Send a coded message to a peer's posts."""
    service.check_second_person(data.confirmed_by)
    parameters = data.named()
    if data.code == PLANS_CONFLICT:
        parameters = await service.read(lambda picture: _with_conflict(picture, data.peer, parameters))
    stop = phrase_table().code(data.code).message_class is MessageClass.STOP
    command = commands.SendLineMessage(
        service.now(),
        service.party,
        data.peer,
        data.code,
        parameters,
        data.answers,
        data.free_text,
        data.confirmed_by,
        {parameter: service.configuration.place(name) for parameter, name in data.place_names.items()},
        await service.line_numbers.after(data.peer, urgent=stop),
    )
    outcome = await _do(service, command, urgent=stop)
    if stop:
        service.outbox.stop_was_sent(data.peer)
    return outcome


@post("/stop", status_code=200, summary="Send a STOP")
async def send_stop(data: StopRequest, service: Service) -> LineDone:
    """STOP, to one peer or to all: no reference, no form, before everything else."""
    peers = sorted(service.line.open_lines) if data.peer is None else [data.peer]
    if not peers:
        raise Refusal("api.party_with_accord_pair", "peer", None)
    sent: dict[str, LineDone] = {}
    refused: dict[str, Refusal] = {}
    for peer in peers:
        after = await service.line_numbers.after(peer, urgent=True)
        command = commands.SendLineMessage(service.now(), service.party, peer, "stop", number_after=after)
        try:
            sent[peer] = await _do(service, command, urgent=True)
        except Refusal as refusal:
            refused[peer] = refusal
            continue
        service.outbox.stop_was_sent(peer)
    if not sent:
        raise next(iter(refused.values()))
    last = list(sent.values())[-1]
    return LineDone(
        last.events,
        last.journal_number,
        tuple(f"{name} {done.message_ids[0]}" for name, done in sent.items()),
        not_sent={name: str(refusal) for name, refusal in refused.items()},
    )


@post("/display", status_code=200, summary="A message is displayed")
async def display(data: MessageReference, service: Service) -> LineDone:
    """Say that a post's screen shows a peer's message."""
    command = commands.DisplayLineMessage(
        service.now(), service.party, data.peer, data.message_id, service.post(data.post)
    )
    return await _do(service, command)


@post("/take", status_code=200, summary="Acknowledge a message")
async def take(data: MessageReference, service: Service) -> LineDone:
    """Say that a person at a post has a peer's message: nobody else is called. It approves nothing."""
    command = commands.TakeLineMessage(
        service.now(), service.party, data.peer, data.message_id, service.post(data.post)
    )
    return await _do(service, command, urgent=True)


@post("/read-back", status_code=200, summary="Read a message back")
async def read_back(data: ReadBackRequest, service: Service) -> LineDone:
    """Read a peer's message back in our units, from what is held here or from what the officer wrote down."""
    heard = None if data.heard is None else named(data.heard)
    units = Units(data.height_unit, data.length_unit)
    command = commands.ReadBackLineMessage(
        service.now(), service.party, data.peer, data.message_id, service.post(data.post), units, heard
    )
    return await _do(service, command)


@post("/pass-on", status_code=200, summary="A message was passed on")
async def pass_on(data: PassOnRequest, service: Service) -> LineDone:
    """Say that a peer's message was passed on to those it concerns."""
    command = commands.PassOnLineMessage(
        service.now(), service.party, data.peer, data.message_id, service.post(data.post), data.passed_to
    )
    return await _do(service, command)


@post("/watch", status_code=200, summary="Take the watch")
async def take_watch(data: WatchRequest, service: Service) -> LineDone:
    """Take the watch at a post, from the shift before if there is one; its hand-over is in the journal."""
    return await _do(
        service, commands.TakeWatch(service.now(), service.party, service.post(data.post), data.shift, data.languages)
    )


@post("/watch/leave", status_code=200, summary="Leave the watch")
async def leave_watch(data: PostRequest, service: Service) -> LineDone:
    """Leave a post without a watch."""
    return await _do(service, commands.LeaveWatch(service.now(), service.party, service.post(data.post)))


@get("/watch/{post:str}", summary="What a watch hands over")
async def show_hand_over(service: Service, post: str) -> HandOver:
    """Show what the watch at a post would hand over now."""
    line = service.line
    watch = await service.loop.read(lambda: line.watches.get(post))
    if watch is None:
        raise not_found("api.post_where_somebody_keeps", "post", post)
    return summary(line, watch, service.now())


@post("/check", status_code=200, summary="Check the line")
async def check(data: PeerRequest, service: Service) -> LineDone:
    """Ask a peer for a line check now."""
    return await _do(service, commands.CheckLine(service.now(), service.party, data.peer))


@post("/radio", status_code=200, summary="Report a radio check")
async def report_radio(data: RadioRequest, service: Service) -> LineDone:
    """Say what a crew of ours heard of the peer's on a frequency of the radio plan; it is dated when both heard."""
    now = service.now()
    report = RadioReport(data.frequency_khz, data.call_sign, data.heard, data.checked_at or now)
    return await _do(service, commands.ReportRadio(now, service.party, data.peer, report))


@post("/alarms/take", status_code=200, summary="Take the alarms about a peer")
async def take_alarms(data: AlarmsRequest, service: Service) -> LineDone:
    """Say that a person at a post has looked at every alarm about a peer until now."""
    return await _do(service, commands.TakeAlarms(service.now(), service.party, data.peer, service.post(data.post)))


@post("/voice", status_code=200, summary="Enter a spoken code")
async def enter_voice_code(data: VoiceRequest, service: Service) -> LineDone:
    """Enter the code that a peer's officer read aloud; its envelope is yet to confirm it."""
    message = read_voice_code(data.code, data.peer, service.party)
    return await _do(service, commands.HeardByVoice(service.now(), data.peer, message), urgent=True)


def _messages(
    service: Service, language: LineLanguage, peer: str | None, last: int | None, *, waiting: bool
) -> list[MessageView]:
    chosen = [
        record
        for record in service.line.messages.values()
        if (peer is None or record.peer == peer) and (not waiting or record.taken_by is None)
    ]
    if last is not None:
        taken = (record for record in chosen if record.taken_by is not None)
        newest = nlargest(last, taken, key=lambda record: (record.message.sent_at, record.key))
        chosen = [record for record in chosen if record.taken_by is None] + newest
    chosen.sort(key=lambda record: (not record.message.is_stop, record.message.sent_at, record.key))
    return [_view(service, record, language) for record in chosen]


def _shown(service: Service, peer: str, message_id: str, language: LineLanguage) -> MessageView:
    record = service.line.messages.get((peer, message_id))
    if record is None:
        raise not_found("api.message_between_us", "message_id", message_id, peer=peer)
    return _view(service, record, language)


def _view(service: Service, record: MessageRecord, language: LineLanguage) -> MessageView:
    return message_view(service.line, record, language, service.configuration.named_places, service.delivery)


def _with_conflict(picture: Picture, peer: str, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The parameters with the whole number of an open conflict with `peer`, of which the reference is the beginning."""
    return tuple(
        Parameter(one.name, Reference(_number(picture, peer, one.value.text)))
        if isinstance(one.value, Reference)
        else one
        for one in parameters
    )


def _number(picture: Picture, peer: str, beginning: str) -> str:
    parties = {peer, picture.party}
    numbers = [
        number
        for number, record in picture.conflicts.items()
        if {record.conflict.first.party, record.conflict.second.party} == parties
    ]
    found = [number for number in numbers if number.startswith(beginning.lower())]
    if len(found) != 1:
        raise Refusal(
            "api.one_conflict_with_peer", "plans_conflict.reference", beginning, peer=peer, count=len(numbers)
        )
    return found[0]


async def _do(service: Service, command: LineCommand, *, urgent: bool = False) -> LineDone:
    # The line goes on when the disk has no space for anything else.
    outcome = await service.loop.decide(command, urgent=urgent, by=service.by)
    sent = tuple(event.message.message_id for event in outcome.events if isinstance(event, LineMessageSent))
    doubts = tuple(doubt for event in outcome.events if isinstance(event, LineMessageSent) for doubt in event.doubts)
    return LineDone(tuple(tag_of(event) for event in outcome.events), outcome.journal_number, sent, doubts)


router = Router(
    path="/line",
    route_handlers=[
        show_line, list_codes, list_messages, show_message, send_message, send_stop, display, take, read_back, pass_on,
        take_watch, leave_watch, show_hand_over, check, report_radio,
        take_alarms, enter_voice_code,
    ],
    tags=["line"],
)  # fmt: skip
