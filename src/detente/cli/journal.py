"""detente journal: verify, show and export a journal, live or copied, without a node and without changing it."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from detente.record.display import StoredEntry
    from detente.record.entry import Head
    from detente.record.verification import Verification

SHOWN_BODY_BYTES = 4000
"""How much of a body `show` prints as text; JSON has it whole."""
_HASH_SIGNS = 64
LAST_NUMBER = 2**63 - 1


class Output(StrEnum):
    """How entries are shown."""

    TEXT = "text"
    JSON = "json"


FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A journal or a copy of one (with its -wal, if any), or a node's directory."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="HEX|CARD", help="The public key it must be signed with: 64 digits, or a card file."),
]
OutputOption = Annotated[Output, typer.Option("--format", help="Text to read, or JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The journal: verify, show, export. No node is needed, and nothing is changed.")
    for name, function in (("verify", verify), ("show", show), ("export", export)):
        group.command(name)(function)
    app.add_typer(group, name="journal", no_args_is_help=True)


def verify(
    file: FileArgument,
    key: KeyOption = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="An entry known from elsewhere, which the journal must contain."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Verify every entry and signature. Exit code 0 proven, 1 not proven (names the first bad entry), 2 no journal."""
    from detente.record.verification import verify_journal

    journal, public, known = _journal_file(file), _public_key(key), _known_head(head)
    found = verify_journal(journal, public, known, _progress())
    if output is Output.JSON:
        typer.echo(_verification_json(found))
    else:
        _say_verification(found)
    sys.exit(0 if found.ok else 1)


def show(
    file: FileArgument,
    first: Annotated[
        int, typer.Option("--from", min=-LAST_NUMBER, max=LAST_NUMBER, help="The first entry to show.")
    ] = 1,
    last: Annotated[
        int | None, typer.Option("--to", min=-LAST_NUMBER, max=LAST_NUMBER, help="The last entry to show.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only entries of this kind.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show entries as they are stored. Exit code 1 when one does not follow from the one before it; 2 no journal."""
    from detente.record.display import stored_entries

    in_order = True
    for entry in stored_entries(_journal_file(file), first, last):
        in_order = in_order and entry.follows
        if kind is None or entry.kind == kind:
            typer.echo(entry.json() if output is Output.JSON else _entry_text(entry))
    sys.exit(0 if in_order else 1)


def export(
    file: FileArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The new file: .jsonl for lines of JSON, or .parquet.")],
    key: KeyOption = None,
) -> None:
    """Write the whole journal, verified, to a file. Exit code 1 when it is not proven: nothing is written then."""
    from detente.cli.wording import language, say, say_counted
    from detente.record.export import export_journal

    journal, public = _journal_file(file), _public_key(key)
    found = export_journal(journal, out, public, _progress())
    if found.bad is not None:
        say("journal.not_proven", err=True, bad=found.bad.sentence(language()))
        say("journal.not_exported", err=True, out=out)
        sys.exit(1)
    say_counted("journal.exported", found.head.number, out=out)


def _progress() -> Callable[[int], None] | None:
    """Return what writes the count over and over on one line of a terminal; None where nobody looks."""
    from detente.cli.wording import language
    from detente.language import figures

    if not sys.stderr.isatty():
        return None
    return lambda count: typer.echo(f"\r{figures.number(language(), count)} …\r", err=True, nl=False)


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
    from detente.airspace.refusal import Refusal
    from detente.record.entry import Head

    if given is None:
        return None
    number, _, digest = given.partition(":")
    if number.isascii() and number.isdigit() and len(number) < 19 and len(digest) == _HASH_SIGNS:
        try:
            return Head(int(number), bytes.fromhex(digest))
        except ValueError:
            pass
    raise Refusal("--head", given, "a number, a colon and a hash of 64 hexadecimal digits", "`verify` prints it so.")


def _say_verification(found: Verification) -> None:
    from detente.cli.wording import language, say, say_counted
    from detente.language import figures
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
    if found.unfinished_bytes:
        say("journal.unfinished", bytes=figures.number(language(), found.unfinished_bytes))
    if not found.is_key_given:
        say("journal.key_not_given")
    if not found.is_head_given:
        say("journal.head_not_given")
    if found.may_lack_log and not found.is_head_given:
        say("journal.no_log")


def _verification_json(found: Verification) -> str:
    import json

    from detente.language.wording import Language

    bad = found.bad and {
        "number": found.bad.number,
        "last": found.bad.last,
        "fault": found.bad.fault,
        "sentence": found.bad.sentence(Language.ENGLISH),
    }
    return json.dumps(
        {
            "ok": found.ok,
            "journal_id": found.genesis.journal_id.hex(),
            "public_key": found.genesis.public_key.hex(),
            "head": {"number": found.head.number, "hash": found.head.hash.hex()},
            "batches": found.batches,
            "bad": bad,
            "key_given": found.is_key_given,
            "head_given": found.is_head_given,
            "unfinished_bytes": found.unfinished_bytes,
        }
    )


def _entry_text(entry: StoredEntry) -> str:
    from detente.cli.wording import language, words
    from detente.language import figures
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
