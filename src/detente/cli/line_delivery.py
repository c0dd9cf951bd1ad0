"""Where a message of ours stands on its way to a person, in the user's words: the same on every screen."""

from __future__ import annotations

from typing import Any

from detente.cli.wording import language, words
from detente.language import figures
from detente.record.printable import printable

NOT_DELIVERED, WITH_A_PERSON = "not_delivered", "with_a_person"


def delivery_text(delivery: dict[str, Any]) -> str:
    """Return in words where a message of ours stands."""
    if delivery["standing"] == WITH_A_PERSON:
        return words("line.taken", post=delivery["post"], seconds=seconds_text(delivery["seconds"]))
    if delivery["standing"] == NOT_DELIVERED:
        return words("line.delivery.not_delivered", why=why_text(delivery))
    seconds = seconds_text(delivery["seconds"])
    return words(f"line.delivery.{delivery['standing']}", post=delivery["post"], seconds=seconds)


def sent_at_text(message: dict[str, Any]) -> str:
    """Return in words how far off the sent-at time of a peer's message is by our clock."""
    off_s = float(message["sent_at_off_s"])
    how = "after" if off_s > 0.0 else "before"
    return words(f"line.sent_long_{how}", peer=message["peer"], duration=figures.duration(language(), abs(off_s)))


def why_text(delivery: dict[str, Any]) -> str:
    """Return why a message of ours is not delivered, with the words of the last failure."""
    why = words(f"line.hindrance.{delivery['why']}")
    return f"{why}: {printable(delivery['detail'])}" if delivery["detail"] else why


def seconds_text(seconds: float | None) -> str:
    """Return how long something took: tenths while they matter; nothing known is a dash."""
    if seconds is None:
        return "-"
    return f"{seconds:.1f}" if seconds < 10.0 else f"{seconds:.0f}"
