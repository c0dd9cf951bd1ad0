"""detente transcript prove and check: one message shown to an outsider, without a node and without the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    from detente.airspace.refusal import Refusal
    from detente.cli.transcript import chosen_transcripts
    from detente.cli.wording import say, write_output
    from detente.link.copies import Copy
    from detente.link.exhibit import make_exhibit, write_exhibit

    copy = Copy(source)
    chosen = chosen_transcripts(copy, peer, accord)
    if len(chosen) != 1:
        raise Refusal(str(source), f"{len(chosen)} links", "one link", "Choose it with --peer and --accord.")
    one_way = chosen[0].received if received else chosen[0].sent
    found = next(
        (e for e in _envelopes(copy, chosen[0]) if (e.direction, e.number) == (one_way.direction, number)), None
    )
    if found is None:
        raise Refusal("number", number, f"1 to {len(one_way.envelopes)}, a message of this direction")
    write_output([write_exhibit(make_exhibit(one_way, found))], out)
    say("exhibit.written", out=out)


def check(
    file: Annotated[Path, typer.Argument(help="What `detente transcript prove` wrote.")],
    *,
    body: Annotated[bool, typer.Option("--body", help="Print the message itself too.")] = False,
    opening: Annotated[
        Path | None, typer.Option(help="Details given later (`detente details export`): do they open its commitment?")
    ] = None,
) -> None:
    """Check both signatures and the place of a proven message. Exit code 0 when it holds, 2 when not."""
    from detente.cli.wording import say
    from detente.language.figures import utc_time
    from detente.link.exhibit import check_exhibit
    from detente.record.keys import spoken_fingerprint

    proven = check_exhibit(_read(file))
    envelope = proven.envelope
    say("exhibit.sent", number=envelope.number, kind=envelope.kind, time=utc_time(envelope.sent_at),
        fingerprint=spoken_fingerprint(envelope.direction.sender))  # fmt: skip
    say("exhibit.received", time=utc_time(proven.receipt.received_at),
        fingerprint=spoken_fingerprint(envelope.direction.recipient))  # fmt: skip
    say("exhibit.place", accord=envelope.direction.accord, size=proven.receipt.last, root=proven.root.hex())
    if opening is not None:
        _check_opening(envelope, opening)
    if body:
        typer.echo(envelope.body.decode(errors="replace"))


def _check_opening(envelope: Envelope, file: Path) -> None:
    """Say that details open the commitment of a proven notice; raises Refusal when they do not."""
    import msgspec

    from detente.airspace.refusal import Refusal
    from detente.cli.wording import say
    from detente.details.commitment import read_opening

    opened = read_opening(_read(file)).commitment
    try:
        message = msgspec.json.decode(envelope.body)
        committed = message["notice"]["commitment"]
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Refusal("exhibit", envelope.kind, "a notice that carries a commitment") from None
    if opened != committed:
        raise Refusal(
            "opening", opened, f"what the notice committed to, {committed}",
            "The details are not those that were meant when the notice was given.",
        )  # fmt: skip
    say("exhibit.opened", commitment=committed)


def _read(file: Path) -> bytes:
    from detente.airspace.refusal import Refusal

    try:
        return file.read_bytes()
    except OSError as error:
        raise Refusal(str(file), error.strerror or str(error), "a file that can be read") from None


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
