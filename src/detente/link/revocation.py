"""A revocation: the authority of a party says, signed with its offline key, that the key of its node is void."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.record.keys import NodeKey, verify
from detente.record.lines import HEX_32, INSTANT, LineForm, instant_text, read_instant

REVOCATION_FORM = LineForm(
    "detente-revocation-1", {"name": rb"[!-~]{1,64}", "key": HEX_32, "authority": HEX_32, "revoked-at": INSTANT}
)


class Revocation(msgspec.Struct, frozen=True):
    """The key of the party `name` (hex) is void since `revoked_at`, says its authority (key, hex)."""

    name: str
    key: str
    authority: str
    revoked_at: datetime
    text: str


def sign_revocation(authority: NodeKey, name: str, key: str, at: datetime) -> Revocation:
    """Return the revocation of a party's key (hex), signed by its authority."""
    signed = REVOCATION_FORM.unsigned(
        {"name": name, "key": key, "authority": authority.public.hex(), "revoked-at": instant_text(at, "at")}
    )
    return read_revocation(REVOCATION_FORM.signed(signed, authority.sign(signed)).decode())


def read_revocation(text: str) -> Revocation:
    """Return the revocation in a text; raises Refusal for what is none, or is not signed by the authority it names."""
    data = text.encode()
    values, signed_end, end = REVOCATION_FORM.read(data)
    if end != len(data):
        raise Refusal("link.one_revocation_bytes", "revocation", f"{len(data):,} bytes", end=end)
    if not verify(bytes.fromhex(values["authority"]), bytes.fromhex(values["signature"]), data[:signed_end]):
        raise Refusal("link.signature_authority_names", "revocation.signature", values["signature"][:16])
    at = read_instant(values["revoked-at"], "revocation.revoked-at")
    return Revocation(values["name"], values["key"], values["authority"], at, text)
