"""Identifiers: UUIDs as clients write them, versions and opaque version numbers as the service makes them."""

from __future__ import annotations

import base64
import hashlib
import re

from detente.utm.moments import MINUTE_US
from detente.utm.refused import Refused

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_VERSION_4 = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})(4[0-9a-f]{3})([89ab][0-9a-f]{3})([0-9a-f]{12})\Z")
_VERSION_7 = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_SPELLINGS = [
    re.compile(before + "-".join(f"[0-9a-f]{{{digits}}}" for digits in (8, 4, 4, 4, 12)) + after + r"\Z")
    for before, after in (("", ""), ("urn:uuid:", ""), (r"\{", r"\}"))
] + [re.compile(r"[0-9a-f]{32}\Z")]
"""The ways in which RFC 9562 and its libraries write a UUID, in lower case."""
_RID_VERSION = re.compile(r"[a-v0-9]{10,13}\Z")
_LATEST_VERSION = 2**63 - 1
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_OPAQUE = str.maketrans("+/=", "-._")
SUFFIX_SLACK_US = 5 * MINUTE_US
NO_SUBSCRIPTION = "00000000-0000-4000-8000-000000000000"
"""What the interface shows for an operational intent without a subscription: its field is required."""
MASKED_OVN = "Available from USS"


def entity_id(text: str) -> str:
    """A version 4 UUID in any usual spelling, as 36 lower-case characters. Raises Refused (400) for another."""
    if _CANONICAL.match(text):
        return text
    lower = text.lower()
    digits = lower.removeprefix("urn:uuid:").strip("{}").replace("-", "")
    match = _VERSION_4.match(digits) if any(spelling.match(lower) for spelling in _SPELLINGS) else None
    if match is None:
        raise Refused(400, f"{text[:80]!r} is no version 4 UUID")
    return "-".join(match.groups())


def requested_ovn(entity: str, suffix: str, at_us: int) -> str:
    """The OVN that a client asked for with a version 7 UUID of the present time. Raises Refused (400) for another."""
    match = _VERSION_7.match(suffix)
    if match is None:
        raise Refused(400, f"requested_ovn_suffix {suffix[:80]!r} is no version 7 UUID")
    stamped_us = int(match[1] + match[2], 16) * 1000
    if abs(stamped_us - at_us) > SUFFIX_SLACK_US:
        raise Refused(400, "the time in requested_ovn_suffix is more than five minutes from now")
    return f"{entity}_{suffix}"


def opaque_version(entity: str, at_us: int) -> str:
    """The OVN or version of what was written at `at_us`: 44 characters that tell nothing but that it changed."""
    digest = hashlib.sha256(f"{entity} {at_us}".encode()).digest()
    return base64.b64encode(digest).decode().translate(_OPAQUE)


def rid_version(at_us: int) -> str:
    """The version of a remote identification entity written at `at_us`: nanoseconds in base 32."""
    value = at_us * 1000
    digits = []
    while value:
        value, digit = divmod(value, 32)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits)).rjust(10, "0")


def check_rid_version(text: str) -> str:
    """Refuse (400) what cannot be a version of ours."""
    if not _RID_VERSION.match(text) or int(text, 32) > _LATEST_VERSION:
        raise Refused(400, f"{text[:80]!r} is no version")
    return text
