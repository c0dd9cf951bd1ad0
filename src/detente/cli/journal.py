"""detente journal: verify, show and export a journal, live or copied, without a node and without changing it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli import journal_segments
from detente.cli.exit_codes import ExitCode
from detente.cli.options import OutputOption, lowered
from detente.cli.output import answered
from detente.cli.wording import counting, echo, language, say, say_counted, words
from detente.language import figures
from detente.language.wording import Language

if TYPE_CHECKING:
    from detente.record.display import StoredEntry
    from detente.record.entry import Head
    from detente.record.verification import Verification

SHOWN_BODY_BYTES = 4000
"""How much of a body `show` prints as text; JSON has it whole."""
_HASH_SIGNS = 64
LAST_NUMBER = 2**63 - 1


FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A journal or a copy of one (with its -wal, if any), or a node's directory."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="HEX|CARD", help="The public key it must be signed with: 64 digits, or a card file."),
]


def verify(
    file: FileArgument,
    key: KeyOption = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="An entry known from elsewhere, which the journal must contain."),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Verify every entry and signature. Exit code 0 proven, 3 not proven (names the first bad entry), 2 no journal."""
    from detente.record.verification import verify_journal

    journal, public, known = _journal_file(file), _public_key(key), _known_head(head)
    found = verify_journal(journal, public, known, counting())
    if not answered(output, _verification(found)):
        _say_verification(found)
    if not found.ok:
        raise typer.Exit(ExitCode.NOT_PROVEN)


def show(
    file: FileArgument,
    first: Annotated[
        int, typer.Option("--first", min=-LAST_NUMBER, max=LAST_NUMBER, help="The first entry to show.")
    ] = 1,
    last: Annotated[
        int | None, typer.Option("--last", min=-LAST_NUMBER, max=LAST_NUMBER, help="The last entry to show.")
    ] = None,
    kind: Annotated[str | None, typer.Option(callback=lowered, help="Only entries of this kind.")] = None,
    output: OutputOption = None,
) -> None:
    """Show entries as they are stored. Exit code 3 when one does not follow from the one before it; 2 no journal."""
    from detente.record.display import stored_entries

    in_order, begun = True, False
    for entry in stored_entries(_journal_file(file), first, last):
        in_order = in_order and entry.follows
        if kind is not None and entry.kind != kind:
            continue
        # Of a journal of any length no more than one entry is held.
        if output:
            echo(("," if begun else "[") + "\n" + entry.json(), nl=False)
        else:
            echo(_entry_text(entry) if output is None else entry.number)
        begun = True
    if output:
        echo("\n]" if begun else "[]")
    if not in_order:
        raise typer.Exit(ExitCode.NOT_PROVEN)


def export(
    file: FileArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The new file: .jsonl for lines of JSON, or .parquet.")],
    key: KeyOption = None,
    output: OutputOption = None,
) -> None:
    """Write the whole journal, verified, to a file. Exit code 3 when it is not proven: nothing is written then."""
    from detente.record.export import export_journal

    journal, public = _journal_file(file), _public_key(key)
    found = export_journal(journal, out, public, counting())
    if found.bad is not None:
        say("journal.not_proven", err=True, bad=found.bad.sentence(language()))
        say("journal.not_exported", err=True, out=out)
        raise typer.Exit(ExitCode.NOT_PROVEN)
    if not answered(output, {"out": str(out), "entries": found.head.number}, [out]):
        say_counted("journal.exported", found.head.number, out=out)


def _journal_file(file: Path) -> Path:
    from detente.link.directory import NodeDirectory

    own = NodeDirectory(file).journal_path
    # Unlike Path.is_file, this is False for names that no file can have.
    return own if os.path.isfile(own) else file  # noqa: PTH113


def _public_key(given: str | None) -> bytes | None:
    from detente.link.card import check_public_key
    from detente.link.trust import read_card_file

    if given is None:
        return None
    if len(given) == _HASH_SIGNS and not Path(given).exists():
        check_public_key("--key", given)
        return bytes.fromhex(given)
    return read_card_file(Path(given)).key


def _known_head(given: str | None) -> Head | None:
    from detente.record.entry import Head

    if given is None:
        return None
    number, _, digest = given.partition(":")
    if number.isascii() and number.isdigit() and len(number) < 19 and len(digest) == _HASH_SIGNS:
        try:
            return Head(int(number), bytes.fromhex(digest))
        except ValueError:
            pass
    raise Refusal("cli.number_colon_hash_hexadecimal", "--head", given)


def _say_verification(found: Verification) -> None:
    from detente.record.entry import from_microseconds
    from detente.record.keys import spoken_fingerprint

    genesis = found.genesis
    head = f"{found.head.number}:{found.head.hash.hex()}"
    batches = figures.counted(language(), "journal.batches", found.batches)
    try:
        made = figures.utc_time(from_microseconds(genesis.created_at_us))
    except OverflowError:
        made = "?"
    say("journal.made", id=genesis.journal_id.hex(), time=made)
    say("journal.key", hex=genesis.public_key.hex(), fingerprint=spoken_fingerprint(genesis.public_key))
    if found.bad is None:
        say_counted("journal.extent", found.head.number, batches=batches, head=head)
        say("journal.sound")
    else:
        say("journal.not_proven", bad=found.bad.sentence(language()))
        say_counted("journal.proven_to", found.head.number, batches=batches, head=head)
    for segment in found.archived:
        say(
            "journal.archived", name=segment.name, first=figures.number(language(), segment.first),
            last=figures.number(language(), segment.last),
        )  # fmt: skip
    if found.unfinished_bytes:
        say("journal.unfinished", bytes=figures.number(language(), found.unfinished_bytes))
    if not found.is_key_given:
        say("journal.key_not_given")
    if not found.is_head_given:
        say("journal.head_not_given")
    if found.may_lack_log and not found.is_head_given:
        say("journal.no_log")


def _verification(found: Verification) -> dict[str, object]:
    bad = found.bad and {
        "number": found.bad.number,
        "last": found.bad.last,
        "fault": found.bad.fault,
        "sentence": found.bad.sentence(Language.ENGLISH),
    }
    return {
        "ok": found.ok,
        "journal_id": found.genesis.journal_id.hex(),
        "public_key": found.genesis.public_key.hex(),
        "head": {"number": found.head.number, "hash": found.head.hash.hex()},
        "batches": found.batches,
        "bad": bad,
        "key_given": found.is_key_given,
        "head_given": found.is_head_given,
        "unfinished_bytes": found.unfinished_bytes,
        "segments": found.segments,
        "archived": [segment.name for segment in found.archived],
    }


def _entry_text(entry: StoredEntry) -> str:
    from detente.record.printable import printable

    marks = [words("journal.signed_here")] if entry.signature is not None else []
    if not entry.follows:
        marks.append(words("journal.not_proven", bad=words("journal.not_following")))
    size = f"{figures.number(language(), len(entry.body))} B"
    line = "  ".join([f"#{entry.number}", entry.at_text, printable(entry.kind), size, entry.hash.hex()[:16], *marks])
    lines = [line, *(f"    {part}" for part in entry.body_text(SHOWN_BODY_BYTES).split("\n"))]
    rest = len(entry.body) - SHOWN_BODY_BYTES
    if rest > 0:
        lines.append(f"    {figures.counted(language(), 'journal.cut', rest)}")
    return "\n".join(lines)


COMMANDS = {
    "journal": {
        "verify": verify, "show": show, "export": export, "segments": journal_segments.segments,
        "archive": journal_segments.archive, "attach": journal_segments.attach,
    }
}  # fmt: skip
