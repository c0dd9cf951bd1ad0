"""Which safety function a message code serves, so that an accord can say what goes on while it is suspended (R32)."""

from __future__ import annotations

from detente.accord.provisions import SafetyFunction
from detente.line.phrases import ALWAYS_ANSWERS, MessageClass, phrase_table

ASSISTANCE = frozenset({"emergency", "lost_contact", "assistance_requested", "assistance_coming"})
"""The codes about people in distress."""

_BY_CLASS = {
    MessageClass.STOP: SafetyFunction.STOP,
    MessageClass.SAFETY: SafetyFunction.SAFETY_OF_FLIGHT,
    MessageClass.COORDINATION: None,
    MessageClass.LINE: SafetyFunction.LINE_CHECKS,
}


def function_of(code: str, asked: str | None = None) -> SafetyFunction | None:
    """Return the function that a message with this code serves, or None for planning.

    What may answer any message, "say again" and its like, serves what the message that it answers (`asked`) serves.
    Raises Refusal for a code that there is none of.
    """
    if asked is not None and code in ALWAYS_ANSWERS:
        return function_of(asked)
    found = phrase_table().code(code)
    return SafetyFunction.EMERGENCY_ASSISTANCE if code in ASSISTANCE else _BY_CLASS[found.message_class]
