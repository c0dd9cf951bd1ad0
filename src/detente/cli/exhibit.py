"""detente transcript prove and check: one message shown to an outsider, without a node and without the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.options import OutputOption
from detente.cli.output import answered
from detente.cli.wording import echo, read_input, say, write_output
from detente.language.figures import utc_time

if TYPE_CHECKING:
    from detente.link.copies import Copy
    from detente.link.envelope import Envelope
    from detente.link.transcript import Transcript


def prove(
    source: Annotated[Path, typer.Argument(help="A journal, an exported transcript, or a node's directory.")],
    number: Annotated[int, typer.Argument(help="The message's number: `detente transcript show --messages`.")],
    peer: Annotated[str, typer.Option("--peer", help="The link with this party: its name, or how its key begins.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    accord: Annotated[str | None, typer.Option(help="The link under this accord: how its hash begins.")] = None,
    *,
    received: Annotated[bool, typer.Option("--received", help="A message that we received; else one we sent.")] = False,
) -> None:
    """Write one message as a file that proves to anybody who sent it, who received it and when."""
    from detente.cli.transcript import chosen_transcripts
    from detente.link.copies import Copy
    from detente.link.exhibit import make_exhibit, write_exhibit

    copy = Copy(source)
    chosen = chosen_transcripts(copy, peer, accord)
    if len(chosen) != 1:
        raise Refusal("cli.one_link", str(source), f"{len(chosen)} links")
    one_way = chosen[0].received if received else chosen[0].sent
    wanted = [(one_way.direction, lines.hash) for lines in one_way.envelopes if lines.number == number]
    found = next((e for e in _envelopes(copy, chosen[0]) if (e.direction, e.hash) in wanted), None)
    if found is None:
        raise Refusal("cli.message_direction", "number", number, count=len(one_way.envelopes))
    rotations = [text for each in chosen[0].directions for text in each.rotations()]
    write_output([write_exhibit(make_exhibit(one_way, found, rotations))], out)
    say("exhibit.written", out=out)


def check(
    file: Annotated[Path, typer.Argument(help="What `detente transcript prove` wrote.")],
    *,
    body: Annotated[bool, typer.Option("--body", help="Print the message itself too.")] = False,
    opening: Annotated[
        Path | None, typer.Option(help="Details given later (`detente details export`): do they open its commitment?")
    ] = None,
    output: OutputOption = None,
) -> None:
    """Check both signatures and the place of a proven message. Exit code 0 when it holds, 3 when not."""
    from detente.cli.ending import NotProvenRefusal
    from detente.link.exhibit import check_exhibit, read_exhibit
    from detente.record.keys import spoken_fingerprint

    data = read_input(file)
    read_exhibit(data)
    try:
        proven = check_exhibit(data)
    except Refusal as refusal:
        raise NotProvenRefusal(refusal) from None
    envelope = proven.envelope
    sender, recipient = (spoken_fingerprint(key) for key in (envelope.direction.sender, envelope.direction.recipient))
    opened = None if opening is None else _check_opening(envelope, opening)
    known = {
        "number": envelope.number, "kind": envelope.kind, "sender": sender, "recipient": recipient,
        "sent_at": envelope.sent_at.isoformat(), "received_at": proven.receipt.received_at.isoformat(),
        "accord": envelope.direction.accord, "root": proven.root.hex(),
        "body": envelope.body.decode(errors="replace"),
    }  # fmt: skip
    if answered(output, known):
        return
    say("exhibit.sent", number=envelope.number, kind=envelope.kind, time=utc_time(envelope.sent_at),
        fingerprint=sender)  # fmt: skip
    say("exhibit.received", time=utc_time(proven.receipt.received_at), fingerprint=recipient)
    say("exhibit.place", accord=envelope.direction.accord, size=proven.receipt.last, root=proven.root.hex())
    if opened is not None:
        say("exhibit.opened", commitment=opened)
    if body:
        echo(envelope.body.decode(errors="replace"))


def _check_opening(envelope: Envelope, file: Path) -> str:
    """Return the commitment of a proven notice that details open; raises Refusal when they do not."""
    import msgspec

    from detente.cli.ending import NotProvenRefusal
    from detente.details.commitment import read_opening

    opened = read_opening(read_input(file)).commitment
    try:
        message = msgspec.json.decode(envelope.body)
        committed = message["notice"]["commitment"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise Refusal("cli.notice_carries_commitment", "exhibit", envelope.kind) from None
    if opened != committed:
        refusal = Refusal("cli.what_notice_committed", "opening", opened, committed=committed)
        raise NotProvenRefusal(refusal)
    return str(committed)


def _envelopes(copy: Copy, transcript: Transcript) -> list[Envelope]:
    """Every envelope of a link, with its body."""
    from detente.link.envelope import ENVELOPE_FORM, read_envelope
    from detente.link.receipt import read_receipt

    data = b"".join(copy.export(transcript))
    offset = data.index(b"\n\n") + 2
    found = []
    while offset < len(data):
        if ENVELOPE_FORM.starts(data, offset):
            envelope, offset = read_envelope(data, offset)
            found.append(envelope)
        else:
            _, offset = read_receipt(data, offset)
    return found
