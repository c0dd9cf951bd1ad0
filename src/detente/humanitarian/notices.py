"""What is known of humanitarian notices: ours with each recipient's receipts, and those that we were told."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.airspace.plan import check_identifier
from detente.humanitarian.messages import HumanitarianReceipt
from detente.humanitarian.terms import HumanitarianNotice

MOST_OF_ONE_PARTY = 1_000
MOST_VERTICES_OF_ONE_PARTY = 100_000
"""In all its notices that are not over, a circle counting as one."""
MOST_RECIPIENTS = 100


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime


class GiveHumanitarian(_Command, frozen=True, tag="give_humanitarian"):
    """Tell a notice of ours to these parties, beside those that were told before. Another text replaces it for all."""

    notice: HumanitarianNotice
    recipients: tuple[str, ...]


class WithdrawHumanitarian(_Command, frozen=True, tag="withdraw_humanitarian"):
    """Take a notice of ours back, from all that were told."""

    notice_id: str


class ShowHumanitarian(_Command, frozen=True, tag="show_humanitarian"):
    """A screen of this post shows the notices of others."""

    by: str

    def __post_init__(self) -> None:
        check_identifier("by", self.by)


HumanitarianCommand = GiveHumanitarian | WithdrawHumanitarian | ShowHumanitarian


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    at: datetime


class HumanitarianGiven(_Event, frozen=True, tag="humanitarian_given"):
    """We tell this notice to these parties; `late_by_s` is by how much it is late for each, in their order."""

    notice: HumanitarianNotice
    recipients: tuple[str, ...]
    late_by_s: tuple[float, ...]


class HumanitarianTakenBack(_Event, frozen=True, tag="humanitarian_taken_back"):
    """`party`, we or another, takes a notice back."""

    party: str
    notice_id: str


class HumanitarianHeard(_Event, frozen=True, tag="humanitarian_heard"):
    """A party tells us a notice; it is late by so much."""

    notice: HumanitarianNotice
    late_by_s: float


class HumanitarianSeen(_Event, frozen=True, tag="humanitarian_seen"):
    """A post of ours was shown a party's notice."""

    party: str
    notice_id: str
    version: str
    by: str


class HumanitarianReceiptKept(_Event, frozen=True, tag="humanitarian_receipt_kept"):
    """A recipient says that it has our notice, or has shown it."""

    party: str
    receipt: HumanitarianReceipt


HumanitarianEvent = (
    HumanitarianGiven | HumanitarianTakenBack | HumanitarianHeard | HumanitarianSeen | HumanitarianReceiptKept
)


class Recipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One party that was told: since when, and its receipts for the notice as it reads now."""

    party: str
    told_at: datetime
    late_by_s: float
    received: HumanitarianReceipt | None = None
    shown: HumanitarianReceipt | None = None


class OwnHumanitarian(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notice of ours, and each party that was told."""

    notice: HumanitarianNotice
    version: str
    recipients: tuple[Recipient, ...]
    taken_back_at: datetime | None = None


class TheirHumanitarian(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notice that a party told us, and since when it stood on a screen of which post."""

    notice: HumanitarianNotice
    version: str
    heard_at: datetime
    late_by_s: float
    shown_at: datetime | None = None
    shown_by: str = ""
    taken_back_at: datetime | None = None


class HumanitarianKept(msgspec.Struct, frozen=True):
    """`HumanitarianNotices` as it is kept."""

    ours: dict[str, OwnHumanitarian]
    theirs: dict[tuple[str, str], TheirHumanitarian]


class HumanitarianNotices:
    """Ours by id, and those of others by party and id. Changed by the room's `evolve` alone."""

    def __init__(self) -> None:
        self.ours: dict[str, OwnHumanitarian] = {}
        self.theirs: dict[tuple[str, str], TheirHumanitarian] = {}
