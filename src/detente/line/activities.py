"""Which activity a message code belongs to, so that an accord can say what goes on while it is suspended (R32)."""

from __future__ import annotations

from detente.line.phrases import ALWAYS_ANSWERS, MessageClass, phrase_table
from detente.room.activity import Activity, Ordinary, SafetyFunction

PLANNING_SUSPENDED, PLANNING_RESUMED = "planning_suspended", "planning_resumed"
"""The codes that inform posts of what our party did to the accord. The accord itself is suspended in its own room."""

_BY_CODE: dict[str, Activity] = {
    **dict.fromkeys((PLANNING_SUSPENDED, PLANNING_RESUMED), Ordinary.ALWAYS),
    **dict.fromkeys(
        ("emergency", "lost_contact", "assistance_requested", "assistance_coming"), SafetyFunction.EMERGENCY_ASSISTANCE
    ),
}
_BY_CLASS: dict[MessageClass, Activity] = {
    MessageClass.STOP: SafetyFunction.STOP,
    MessageClass.SAFETY: SafetyFunction.SAFETY_OF_FLIGHT,
    MessageClass.COORDINATION: Ordinary.PLANNING,
    MessageClass.LINE: SafetyFunction.LINE_CHECKS,
}


def activity_of(code: str, answered: str | None = None) -> Activity:
    """Return the activity that a message with this code belongs to.

    A code that may answer any message, such as "say again", belongs to what the answered code belongs to. Raises
    Refusal for a code that there is none of.
    """
    if answered is not None and code in ALWAYS_ANSWERS:
        return activity_of(answered)
    found = phrase_table().code(code)
    return _BY_CODE.get(code) or _BY_CLASS[found.message_class]
