"""What a fixed screen of the line shows: lines that fill one terminal, what is open on top. Pure: it draws nothing."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from detente.cli.accord_warnings import warning_texts
from detente.cli.line_delivery import NOT_DELIVERED, delivery_text, sent_at_text
from detente.cli.wording import words
from detente.record.printable import printable

BAR, INVERSE, PLAIN = "\N{FULL BLOCK}", "\x1b[1;97;41m", "\x1b[0m"
LEAST_FOR_THE_REST = 4
"""So many lines at the bottom are kept for the state of the line and what happened last, whatever is open."""

MessageKey = tuple[str, str]


@dataclass
class Shown:
    """What there is to show: `messages` are open, STOP first; `past` is what happened, the last at the end.

    `silent_since` is when the node answered last, None while it answers.
    """

    party: str
    line: dict[str, Any]
    messages: list[dict[str, Any]]
    silent_since: str | None = None
    past: list[str] = field(default_factory=list)


def frame(shown: Shown, now: str, width: int, height: int) -> tuple[list[str], list[MessageKey]]:
    """Return the lines of a screen, no more than `height`, and which messages they show, by peer and id."""
    lines = list(_clock(shown, now, width))
    keys: list[MessageKey] = []
    space = max(1, height - LEAST_FOR_THE_REST)
    for number, message in enumerate(shown.messages):
        block = list(_message(message, width, first=number == 0))
        if keys and len(lines) + len(block) > space:
            lines += _wrapped(words("line.screen.more", count=len(shown.messages) - number), width)
            break
        lines += block
        keys.append((message["peer"], message["message_id"]))
    if not shown.messages:
        lines += _wrapped(words("line.screen.nothing"), width)
    rest = [line for text in _line_states(shown.line) for line in _wrapped(text, width)]
    past = [line for text in shown.past for line in _wrapped(text, width)]
    lines = [*lines, "-" * width, *rest][:height]
    return [*lines, *past[len(past) - max(0, height - len(lines)) :]][:height], keys


def banner(text: str, width: int) -> list[str]:
    """Return a STOP in the full width."""
    bar = BAR * width
    return [bar, *(line.center(width) for line in textwrap.wrap(text, width - 4)), bar]


def _clock(shown: Shown, now: str, width: int) -> Iterator[str]:
    if shown.silent_since is None:
        yield from _wrapped(words("line.screen.clock", time=now, party=shown.party), width)
    else:
        text = words("line.screen.silent", time=now, party=shown.party, since=shown.silent_since)
        yield from _alarming(_wrapped(text, width), width)


def _message(message: dict[str, Any], width: int, *, first: bool) -> Iterator[str]:
    """The lines of an open message: a STOP in the full width, its bars above and below where it is the first."""
    heading = words(
        "line.to" if message["ours"] else "line.from",
        peer=message["peer"], message=message["message_id"], time=message["sent_at"],
    )  # fmt: skip
    is_stop = message["message_class"] == "stop"
    if is_stop:
        text = banner(message["text"], width)
        yield from _alarming(text if first else text[1:-1], width)
    yield from _wrapped(heading, width)
    if not is_stop:
        yield from _wrapped(message["text"], width, 2)
    if message["free_text"]:
        yield from _wrapped(message["free_text"], width, 2)
    for standing, alarming in _standing(message):
        lines = _wrapped(standing, width, 2)
        yield from _alarming(lines, width) if alarming else lines


def _standing(message: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Where a message stands, each line with whether it is an alarm."""
    delivery = message["delivery"]
    is_undelivered = delivery is not None and delivery["standing"] == NOT_DELIVERED
    if delivery is not None:
        yield delivery_text(delivery), is_undelivered or message["overdue"]
    if message["out_of_order"]:
        yield words("line.out_of_order", peer=message["peer"]), True
    if message["sent_at_off_s"] is not None:
        yield sent_at_text(message), True
    if message["standing_post"]:
        yield words("line.called", post=message["standing_post"]), False
    for wrong in message["differences"]:
        yield words("line.differs", name=wrong["name"], meant=wrong["meant"], read=wrong["read"]), True
    if delivery is None and message["must_be_read_back"]:
        yield words("line.figures", figures="; ".join(message["read_back"])), False
    if is_undelivered and message["voice_code"]:
        yield words("line.voice_code", code=message["voice_code"]), False


def _line_states(line: dict[str, Any]) -> Iterator[str]:
    yield from warning_texts(line["accord_warnings"])
    for peer, state in line["lines"].items():
        yield standing_text(peer, state["standing"])
    yield from alarm_lines(line)
    for watch in line["watches"]:
        languages = ", ".join(watch["languages"])
        yield words("line.watch", post=watch["post"], shift=watch["shift"], languages=languages)
    if not line["watches"]:
        yield words("line.nobody")


def alarm_lines(line: dict[str, Any], *, taken: bool = False) -> Iterator[str]:
    """Yield a line for each alarm that waits for a person; with `taken`, for the others too."""
    for peer, state in line["lines"].items():
        for alarm in state["alarms"]:
            if taken or alarm["taken_by"] is None:
                seen = "" if alarm["taken_by"] is None else f" ({words('line.alarm.taken', post=alarm['taken_by'])})"
                yield alarm_text(peer, alarm) + seen


def alarm_text(peer: str, alarm: dict[str, Any]) -> str:
    """Return an alarm about a party in words."""
    what, detail = words(f"line.alarm.{alarm['kind']}"), printable(alarm["detail"])
    return words("line.alarm.raised", peer=peer, what=what, time=alarm["at"], detail=detail)


def standing_text(peer: str, standing: dict[str, Any]) -> str:
    """Return the state of the line with a party in words."""
    faults = ", ".join(words(f"line.fault.{fault}") for fault in standing["faults"])
    return words("line.state", peer=peer, quality=words(f"line.quality.{standing['quality']}"), faults=faults or "-")


def _wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """Return text as lines of the screen. What takes no column, as the isolates of Arabic do, is not counted."""
    room = width - indent
    if len(text) - _without_column(text) <= room:
        return [" " * indent + text]
    return [" " * indent + part for part in textwrap.wrap(text, room)]


def _without_column(text: str) -> int:
    return sum(unicodedata.category(sign) in {"Cf", "Mn"} for sign in text)


def _alarming(lines: Iterable[str], width: int) -> Sequence[str]:
    return [f"{INVERSE}{line:<{width + _without_column(line)}}{PLAIN}" for line in lines]
