"""What the HTTP API of the line takes and gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from detente.accord.accords import Accords
from detente.accord.warnings import AccordWarning, accord_warnings
from detente.airspace.altitude import AltitudeUnit
from detente.airspace.refusal import Refusal
from detente.line.delivery import MessageDelivery
from detente.line.messages import Doubt, Receipt
from detente.line.parameters import LengthUnit, LineLanguage, Parameter, Place, Value
from detente.line.peer_messages import CodedMessage, ReadBackJudgedMessage, ReceiptMessage, SpokenMessage, TakenMessage
from detente.line.phrases import MessageClass, phrase_table, phrase_table_hash
from detente.line.place_names import NamedPlace, nearest
from detente.line.read_back import ReadBackDifference, Units, read_back, reading_text
from detente.line.rendering import not_agreed, said, written
from detente.line.sent_times import sent_at_off_s
from detente.line.state import LineState, MessageRecord, PeerLine
from detente.line.terms import LineTerms
from detente.line.voice import voice_code
from detente.line.watch import Watch
from detente.room.exercise import is_exercise

DeliveryOf = Callable[[MessageRecord], MessageDelivery | None]
"""Says where a message of ours stands; None of a peer's."""


class MessageRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to send: its code and its parameters by name.

    `confirmed_by` is the post where a second person looked at one that seems to be a mistake. `place_names` says, by
    parameter, what of our own `[places]` is meant; it is held against the figures and never sent.
    """

    peer: str
    code: str
    parameters: dict[str, Value] = {}
    answers: str | None = None
    free_text: str | None = None
    confirmed_by: str | None = None
    place_names: dict[str, str] = {}

    def named(self) -> tuple[Parameter, ...]:
        """Return the parameters."""
        return named(self.parameters)


class StopRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A STOP, to one peer or, when none is named, to all. Nothing need be filled in."""

    peer: str | None = None


class MessageReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of a peer's messages, and the post that acts."""

    peer: str
    message_id: str
    post: str


class ReadBackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A read-back; `heard` is what the officer wrote down, where it did not come on a screen."""

    peer: str
    message_id: str
    post: str
    height_unit: AltitudeUnit = AltitudeUnit.METRE
    length_unit: LengthUnit = LengthUnit.KILOMETRE
    heard: dict[str, Value] | None = None


class PassOnRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To whom a peer's message was passed on."""

    peer: str
    message_id: str
    post: str
    passed_to: str


class WatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shift takes the watch at a post."""

    post: str
    shift: str
    languages: tuple[LineLanguage, ...] = (LineLanguage.ENGLISH,)


class PostRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A post."""

    post: str


class PeerRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A peer."""

    peer: str


class AlarmsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The alarms about a peer, and the post where a person has looked at them."""

    peer: str
    post: str


class RadioRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a crew of ours, called `call_sign`, heard of the peer's; `checked_at` (UTC) is now unless said."""

    peer: str
    frequency_khz: int
    call_sign: str
    heard: bool
    checked_at: datetime | None = None


class VoiceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spoken code as it was typed."""

    peer: str
    code: str


class MessageView(msgspec.Struct, frozen=True):
    """A message as people see it: its words, how they are said, and where it stands.

    `delivery` says where a message of ours stands on its way to a person. `standing_post` is the highest post that was
    called, `posts` all there are to call; `read_back` is what to read back; `voice_code` bears the
    message by voice, `voice_answers` what there is to say of it in return: taken, read_back, understood.
    `near` says by our own names where each place is: decoration, which the other side never sees. `out_of_order` marks
    a STOP that came rightly signed and does not continue what the peer said before. `sent_at_off_s` is how far after
    its coming a peer's `sent_at` lies, or before where it is negative, and None where that is no wonder.
    """

    peer: str
    message_id: str
    ours: bool
    code: str
    message_class: MessageClass
    sent_at: datetime
    text: str
    pronunciation: str
    free_text: str | None
    answers: str | None
    carrier: str
    receipts: tuple[Receipt, ...]
    standing_post: str | None
    taken_by: str | None
    to_human_s: float | None
    must_be_read_back: bool
    understood: bool
    differences: tuple[ReadBackDifference, ...]
    overdue: bool
    read_back: tuple[str, ...]
    voice_code: str
    voice_answers: dict[str, str]
    near: tuple[str, ...] = ()
    delivery: MessageDelivery | None = None
    posts: tuple[str, ...] = ()
    out_of_order: bool = False
    sent_at_off_s: float | None = None


class LineView(msgspec.Struct, frozen=True):
    """The line with every peer, our watches, and what waits for a person.

    `suspended_by` names, by peer, who has suspended the accord: a safety of flight message goes all the same.
    `deliveries` has every message of ours that no person of the other side has: "south north:4".
    """

    party: str
    phrase_table: str
    lines: dict[str, PeerLine]
    terms: dict[str, LineTerms]
    suspended_by: dict[str, tuple[str, ...]]
    watches: tuple[Watch, ...]
    waiting: tuple[str, ...]
    undelivered: tuple[str, ...]
    deliveries: dict[str, MessageDelivery]
    accord_warnings: tuple[AccordWarning, ...] = ()


class CodeView(msgspec.Struct, frozen=True):
    """A message code with its words in one language."""

    code: str
    message_class: MessageClass
    parameters: dict[str, str]
    must_be_read_back: bool
    answers: tuple[str, ...]
    text: str
    pronunciation: str


class LineDone(msgspec.Struct, frozen=True):
    """A command of the line was carried out and is durable; `message_ids` are those it sent.

    `doubts` say what looks like a mistake in it all the same; `not_sent` says to whom a STOP could not be sent, why.
    """

    events: tuple[str, ...]
    journal_number: int
    message_ids: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    not_sent: dict[str, str] = {}


def named(values: dict[str, Value]) -> tuple[Parameter, ...]:
    """Return values by name as parameters."""
    return tuple(Parameter(name, value) for name, value in values.items())


def line_view(line: LineState, accords: Accords, at: datetime, deliver: DeliveryOf) -> LineView:
    """Return the whole line; `deliver` says where a message of ours stands."""
    records = (line.messages[key] for key in sorted(line.messages))
    return LineView(
        line.party,
        phrase_table_hash(),
        {peer: line.peers[peer] for peer in sorted(line.open_lines)},
        dict(sorted(line.open_lines.items())),
        {peer: by for peer in sorted(line.open_lines) if (by := accords.suspended_by(peer, at))},
        tuple(line.watches[post] for post in sorted(line.watches)),
        tuple(" ".join(key) for key in sorted(line.waiting)),
        tuple(" ".join(key) for key in sorted(line.undelivered)),
        {
            " ".join(record.key): delivery
            for record in records
            if record.taken_by is None and (delivery := deliver(record)) is not None
        },
        tuple(accord_warnings(accords, at)),
    )


def message_view(
    line: LineState, record: MessageRecord, language: LineLanguage, places: tuple[NamedPlace, ...], deliver: DeliveryOf
) -> MessageView:
    """Return one message in the words of a language, with our own names of places; `deliver` says where it stands."""
    table, message, terms = phrase_table(), record.message, line.terms[record.peer]
    readings = read_back(message.code, message.parameters, read_back_units(language), terms.datum).readings
    return MessageView(
        record.peer,
        message.message_id,
        record.is_ours,
        message.code,
        message.message_class,
        message.sent_at,
        written(table, language, message.code, message.parameters, exercise=is_exercise(message.sender)),
        said(table, language, message.code, message.parameters, exercise=is_exercise(message.sender)),
        None if message.free_text is None else not_agreed(table, language, message.free_text),
        message.answers,
        str(record.carrier),
        record.receipts,
        terms.ladder[record.step].post if record.step >= 0 else None,
        record.taken_by,
        record.to_human_s,
        table.codes[message.code].read_back,
        record.understood,
        record.differences or (),
        record.overdue,
        tuple(f"{reading.name} {reading_text(reading)}" for reading in readings),
        _spoken(CodedMessage(message)),
        _spoken_answers(record),
        tuple(_near(message.parameters, places)),
        deliver(record),
        terms.posts(len(terms.ladder)),
        record.out_of_order,
        sent_at_off_s(line, record),
    )


def _near(parameters: tuple[Parameter, ...], places: tuple[NamedPlace, ...]) -> Iterator[str]:
    for parameter in parameters:
        found = nearest(places, parameter.value.position) if isinstance(parameter.value, Place) else None
        if found is not None:
            place, distance_m, bearing_deg = found
            yield f"{parameter.name}: {distance_m / 1000.0:.1f} km, {bearing_deg:03.0f}°, {place.name}"


def _spoken(message: SpokenMessage) -> str:
    """The code that bears a message by voice, or nothing where it holds what no code can say."""
    with contextlib.suppress(Refusal):
        return voice_code(message)
    return ""


def _spoken_answers(record: MessageRecord) -> dict[str, str]:
    """What we can say by voice of a message: that a person has it, its read-back; of ours, that this was right."""
    answers: dict[str, SpokenMessage] = {}
    id_ = record.message.message_id
    if record.is_ours:
        if record.understood:
            answers["understood"] = ReadBackJudgedMessage(id_, ())
    else:
        if record.taken_by is not None:
            answers["taken"] = TakenMessage(id_, record.taken_by)
        for receipt in record.receipts:
            if receipt.read_back is not None:
                answers["read_back"] = ReceiptMessage(id_, receipt)
    return {name: code for name, message in answers.items() if (code := _spoken(message))}


def read_back_units(language: LineLanguage) -> Units:
    """Return the units in which a screen in this language offers its read-back: feet in English, metres elsewhere."""
    english = language is LineLanguage.ENGLISH
    return Units(AltitudeUnit.FOOT, LengthUnit.NAUTICAL_MILE) if english else Units()


def code_views(language: LineLanguage) -> list[CodeView]:
    """Return every code with its words in a language."""
    table = phrase_table()
    phrases = table.words[language].phrases
    return [
        CodeView(name, code.message_class, code.parameters, code.read_back, code.answers, *phrases[name])
        for name, code in table.codes.items()
    ]
