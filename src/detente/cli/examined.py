"""What `detente doctor` found: one thing it looked at, how it stands, and how it is mended."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal
from detente.cli.wording import language, words
from detente.language.refused import refusal_texts


class Condition(StrEnum):
    """How a thing stands. What cannot be told is no reason to mend."""

    WELL = "well"
    TO_MEND = "to_mend"
    UNKNOWN = "unknown"


class Examined(msgspec.Struct, frozen=True):
    """One thing that was looked at: `check` is its name, `said` how it is, `mend` what to do, both in words."""

    check: str
    condition: Condition
    said: str
    mend: str = ""


def well(check: str, said: str) -> Examined:
    """Return that all is well with a thing."""
    return Examined(check, Condition.WELL, said)


def to_mend(check: str, said: str, mend: str) -> Examined:
    """Return that a thing is to be mended, and how."""
    return Examined(check, Condition.TO_MEND, said, mend)


def unknown(check: str, said: str) -> Examined:
    """Return that how a thing stands cannot be told, and why."""
    return Examined(check, Condition.UNKNOWN, said)


def refused(check: str, refusal: Refusal) -> Examined:
    """Return a refusal as a finding: what was found and expected, and its mend."""
    expected, mend = refusal_texts(language(), refusal.code, refusal.parameters)
    shown = words("refused.nothing") if refusal.value is None else refusal.shown
    said = words("refused.line", field=refusal.field, shown=shown, expected=expected)
    return to_mend(check, said, mend or words("doctor.mend.as_expected"))
