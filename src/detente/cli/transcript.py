"""detente transcript: what both parties signed, from copied files, without a node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.exhibit import check, prove
from detente.cli.exit_codes import ExitCode
from detente.cli.options import OutputOption
from detente.cli.output import answered
from detente.cli.wording import echo, language, say, say_counted, words, write_output
from detente.language import figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detente.link.comparison import Finding
    from detente.link.copies import Copy
    from detente.link.transcript import OneWay, Transcript

Source = Annotated[Path, typer.Argument(help="A journal, an exported transcript, or a node's directory.")]
LinkPeer = Annotated[str | None, typer.Option("--peer", help="Only with this party: its name, or how its key begins.")]
AccordOption = Annotated[str | None, typer.Option("--accord", help="Only under this accord: how its hash begins.")]


def show(
    source: Source,
    peer: LinkPeer = None,
    accord: AccordOption = None,
    *,
    messages: Annotated[bool, typer.Option("--messages", help="Every envelope, one line each.")] = False,
    output: OutputOption = None,
) -> None:
    """Show each link: how much went each way, how far it is receipted, and the root to read to the other side."""
    from detente.link.copies import Copy

    copy = Copy(source)
    chosen = chosen_transcripts(copy, peer, accord)
    names = [_name(copy.names, transcript.peer) for transcript in chosen]
    if answered(output, [_known(transcript, copy.names) for transcript in chosen], names):
        return
    if not chosen:
        say("transcript.none", source=source)
    for transcript in chosen:
        say(
            "transcript.link", holder=_name(copy.names, transcript.holder), peer=_name(copy.names, transcript.peer),
            accord=transcript.accord,
        )  # fmt: skip
        for one_way in transcript.directions:
            _show_one_way(one_way, copy.names, messages=messages)
        if transcript.contradictions:
            say_counted("transcript.contradictions", transcript.contradictions)


def export(
    source: Source,
    peer: LinkPeer = None,
    accord: AccordOption = None,
    out: Annotated[Path | None, typer.Option(help="The file to write; without it, standard output.")] = None,
) -> None:
    """Write one link's transcript as a file that verifies and compares without the journal."""
    from detente.link.copies import Copy

    copy = Copy(source)
    chosen = chosen_transcripts(copy, peer, accord)
    if len(chosen) != 1:
        raise Refusal("cli.one_link", str(source), f"{len(chosen)} links")
    write_output(copy.export(chosen[0]), out)


def verify(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="What to verify.")],
    output: OutputOption = None,
) -> None:
    """Verify every signature, number and hash. Exit code 0 sound, 3 broken, 2 unreadable."""
    from detente.link.comparison import verify_transcript
    from detente.link.copies import Copy

    found = []
    for source in sources:
        copy = Copy(source)
        transcripts = copy.read().transcripts
        findings = [finding for transcript in transcripts for finding in verify_transcript(transcript)]
        count = sum(len(way.envelopes) for transcript in transcripts for way in transcript.directions)
        found.append((str(source), count, [_sentence(finding, copy.names) for finding in findings]))
    broken = [name for name, _, sentences in found if sentences]
    known = [
        {"source": name, "sound": not sentences, "envelopes": count, "findings": sentences}
        for name, count, sentences in found
    ]
    if not answered(output, known, broken):
        for name, count, sentences in found:
            for sentence in sentences:
                say("transcript.broken", source=name, finding=sentence)
            if not sentences:
                say_counted("transcript.sound", count, source=name)
    if broken:
        raise typer.Exit(ExitCode.NOT_PROVEN)


def compare(first: Source, second: Source, output: OutputOption = None) -> None:
    """Hold two copies side by side. Exit code 0 equal (what is in flight is said), 6 different, 3 broken."""
    from detente.link.comparison import compare_copies
    from detente.link.copies import Copy

    copies = [Copy(first), Copy(second)]
    names = {**copies[1].names, **copies[0].names}
    comparison = compare_copies(copies[0].read(), copies[1].read())
    sources = (str(first), str(second))
    broken = [
        (source, _sentence(finding, names))
        for source, findings in zip(sources, comparison.broken, strict=True)
        for finding in findings
    ]
    differences = [_sentence(finding, names, sources) for finding in comparison.differences]
    in_flight = [_sentence(finding, names, sources) for finding in comparison.in_flight]
    known = {
        "equal": comparison.equal, "equal_envelopes": comparison.equal_envelopes,
        "broken": [{"source": source, "finding": sentence} for source, sentence in broken],
        "differences": differences, "in_flight": in_flight,
    }  # fmt: skip
    if not answered(output, known):
        for source, sentence in broken:
            say("transcript.broken", source=source, finding=sentence)
        for sentence in differences:
            say("transcript.difference", finding=sentence)
        for sentence in in_flight:
            say("transcript.tail", finding=sentence)
        if comparison.equal:
            say_counted("transcript.equal", comparison.equal_envelopes)
    if not comparison.equal:
        raise typer.Exit(ExitCode.NOT_PROVEN if broken else ExitCode.DIFFER)


def chosen_transcripts(copy: Copy, peer: str | None, accord: str | None) -> list[Transcript]:
    """Return the transcripts with this peer, under this accord; raises Refusal when both leave none."""
    found = [
        transcript
        for transcript in copy.read().transcripts
        if (peer is None or peer == _name(copy.names, transcript.peer) or transcript.peer.hex().startswith(peer))
        and (accord is None or transcript.accord.startswith(accord))
    ]
    if not found and (peer is not None or accord is not None):
        raise Refusal("cli.link_file", str(copy.source), f"--peer {peer} --accord {accord}")
    return found


def _known(transcript: Transcript, names: dict[str, str]) -> dict[str, object]:
    """What `show` says of a link, as JSON has it."""
    return {
        "holder": _name(names, transcript.holder), "peer": _name(names, transcript.peer),
        "accord": transcript.accord, "contradictions": transcript.contradictions,
        "directions": [
            {"sender": _name(names, one.direction.sender), "recipient": _name(names, one.direction.recipient),
             "messages": len(one.envelopes), "receipted": one.receipted_number, "root": one.root.hex()}
            for one in transcript.directions
        ],
    }  # fmt: skip


def _show_one_way(one_way: OneWay, names: dict[str, str], *, messages: bool) -> None:
    sent = one_way.envelopes
    counted = figures.counted(language(), "transcript.counted", len(sent), receipted=one_way.receipted_number)
    lines = [counted, words("transcript.root", root=one_way.root.hex())]
    if sent:
        first, last = figures.utc_time(sent[0].sent_at), figures.utc_time(sent[-1].sent_at)
        lines.insert(1, words("transcript.times", first=first, last=last))
    echo(f"  {_way(one_way.direction.sender, one_way.direction.recipient, names)}")
    for line in lines:
        echo(f"    {line}")
    if messages:
        for line in _message_lines(one_way):
            echo(f"    {line}")


def _message_lines(one_way: OneWay) -> Iterator[str]:
    """Number, sent, received (by its receipt), kind, size and the beginning of the hash of every envelope."""
    receipts = iter(one_way.receipts)
    receipt = next(receipts, None)
    for envelope in one_way.envelopes:
        while receipt is not None and receipt.last < envelope.number:
            receipt = next(receipts, None)
        received = "-" if receipt is None else figures.utc_time(receipt.received_at)
        yield (
            f"{envelope.number:>6}  {figures.utc_time(envelope.sent_at)}  {received:<20}  {envelope.kind:<24}"
            f"  {envelope.body_length:>9,} B  {envelope.hash.hex()[:16]}"
        )


def _sentence(finding: Finding, names: dict[str, str], sources: tuple[str, str] = ("", "")) -> str:
    sender, recipient = finding.direction.sender, finding.direction.recipient
    run = str(finding.first) if finding.first == finding.last else f"{finding.first}\N{EN DASH}{finding.last}"
    return words(
        f"transcript.finding.{finding.kind}", way=_way(sender, recipient, names), run=run,
        sender=_name(names, sender), recipient=_name(names, recipient), first=sources[0], second=sources[1],
        first_copy=finding.first_copy, second_copy=finding.second_copy,
    )  # fmt: skip


def _way(sender: bytes, recipient: bytes, names: dict[str, str]) -> str:
    return f"{_name(names, sender)} \N{RIGHTWARDS ARROW} {_name(names, recipient)}"


def _name(names: dict[str, str], key: bytes) -> str:
    from detente.record.keys import spoken_fingerprint

    return names.get(key.hex()) or spoken_fingerprint(key)


COMMANDS = {
    "transcript": {
        "show": show, "export": export, "verify": verify, "compare": compare, "prove": prove, "check": check,
    }
}  # fmt: skip
