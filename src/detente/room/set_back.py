"""What a party says on a channel whose history it has lost and taken back: both transcripts hold it (R38)."""

from __future__ import annotations

from typing import ClassVar

from detente.airspace.refusal import Refusal
from detente.room.channel import Channel
from detente.room.message import Message


class SetBackMessage(Message, frozen=True, tag="set_back"):
    """The sender's journal was set back: of its own envelopes on this channel it held those up to `kept`.

    It has taken back those after it, up to `given_back`, from the recipient, who held them. Of the recipient's it holds
    those up to `heard`, and finds its own receipts for those up to `signed_for`: the recipient sends them again. `void`
    is how many envelopes it had signed in the place of those that were given back; they follow again after this one.
    It goes on the channel that it is about.
    """

    channel: ClassVar[Channel] = Channel.LINE

    kept: int
    given_back: int
    heard: int
    signed_for: int
    void: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.kept <= self.given_back:
            raise Refusal("room.number_from_what_given", "kept", self.kept, given_back=self.given_back)
        if not 0 <= self.heard <= self.signed_for:
            raise Refusal("room.number_from_what_signed", "heard", self.heard, signed_for=self.signed_for)
        if self.void < 0:
            raise Refusal("room.number", "void", self.void)


def in_words(message: SetBackMessage) -> str:
    """Return what it says in one line, the same for both sides."""
    said, heard = message.given_back - message.kept, message.signed_for - message.heard
    return f"{said:,} messages that it had sent were given back to it, {heard:,} that it had received are sent again"
