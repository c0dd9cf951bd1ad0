"""detente backup, restore, move and go-back: a node kept in one file, made anew, and put back to what it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from detente.cli.exit_codes import ExitCode
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered
from detente.cli.wording import language, say
from detente.language import figures

if TYPE_CHECKING:
    from collections.abc import Callable

    from detente.upkeep.backup import Manifest

T = TypeVar("T")
OutOption = Annotated[Path, typer.Option("--out", help="The new file of the backup.")]
_PASSPHRASE_FILE = typer.Option(
    "--passphrase-file",
    metavar="FILE|fd:NUMBER|credential:NAME",
    help="Where the passphrase is that encrypts it: a file for its owner alone, an open descriptor, or a "
    "credential of systemd.",
)
PassphraseOption = Annotated[str | None, _PASSPHRASE_FILE]
NeededPassphraseOption = Annotated[str, _PASSPHRASE_FILE]


def backup(
    directory: Directory, out: OutOption, passphrase_file: PassphraseOption = None, output: OutputOption = None
) -> None:
    """Write everything that a node is to one file, whether it runs or not, and verify it. Guard it like the key."""
    from datetime import UTC, datetime

    from detente.upkeep.backup import make_backup

    passphrase = _passphrase(passphrase_file)
    manifest = _proven(lambda: make_backup(directory, out, datetime.now(UTC), passphrase))
    if not answered(output, _known(manifest, out), [out]):
        _say("backup.made", manifest, out)
        if passphrase is None:
            say("backup.open", out=out)


def restore(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="The file of the backup.")],
    directory: Annotated[Path, typer.Option("--dir", help="The directory to make.")],
    passphrase_file: PassphraseOption = None,
    output: OutputOption = None,
) -> None:
    """Make a node's directory from a backup, verified. The node that it was made of must never start again."""
    from detente.upkeep.restoring import restore as restore_node

    passphrase = _passphrase(passphrase_file)
    manifest = _proven(lambda: restore_node(file, directory, passphrase))
    if not answered(output, _known(manifest, directory), [directory]):
        _say("backup.restored", manifest, directory)
        say("backup.next", directory=directory, time=figures.utc_time(manifest.made_at))


def move(
    directory: Directory, out: OutOption, passphrase_file: PassphraseOption = None, output: OutputOption = None
) -> None:
    """Write the backup of a stopped node to be restored on another machine. The node here never starts again."""
    from datetime import UTC, datetime

    from detente.upkeep.restoring import move as move_node

    passphrase = _passphrase(passphrase_file)
    manifest = _proven(lambda: move_node(directory, out, datetime.now(UTC), passphrase))
    if not answered(output, _known(manifest, out), [out]):
        _say("backup.made", manifest, out)
        say("backup.moved", directory=directory, out=out)


def go_back(directory: Directory, output: OutputOption = None) -> None:
    """Put back what the release before this one wrote, kept at the upgrade. What was written since is set aside."""
    from datetime import UTC, datetime

    from detente.upkeep.releases import go_back as node_goes_back

    gone = _proven(lambda: node_goes_back(directory, datetime.now(UTC)))
    kept_at = None if gone.kept_at is None else gone.kept_at.isoformat()
    document = {
        "version": gone.version, "kept_at": kept_at, "aside": gone.aside,
        "head": {"number": gone.journal_number, "hash": gone.journal_hash},
    }  # fmt: skip
    if not answered(output, document, [gone.aside]):
        say(
            "backup.gone_back", directory=directory, version=gone.version or "?", aside=gone.aside,
            head=f"{gone.journal_number}:{gone.journal_hash}",
            time="?" if gone.kept_at is None else figures.utc_time(gone.kept_at),
        )  # fmt: skip


def _passphrase(source: str | None) -> bytes | None:
    from detente.record.passphrase import read_passphrase

    return None if source is None else read_passphrase(source)


def _proven(work: Callable[[], T]) -> T:
    """Return what `work` does; exit with NOT_PROVEN, naming the first bad entry, when the journal is not proven."""
    from detente.upkeep.backup import NotProvenError

    try:
        return work()
    except NotProvenError as error:
        if error.found.bad is not None:
            say("journal.not_proven", err=True, bad=error.found.bad.sentence(language()))
        say("backup.nothing", err=True)
        raise typer.Exit(ExitCode.NOT_PROVEN) from None


def _known(manifest: Manifest, where: Path) -> dict[str, object]:
    return {
        "path": str(where),
        "name": manifest.name,
        "made_at": manifest.made_at.isoformat(),
        "files": len(manifest.files),
        "head": {"number": manifest.journal_number, "hash": manifest.journal_hash},
    }


def _say(key: str, manifest: Manifest, where: Path) -> None:
    head = f"{manifest.journal_number}:{manifest.journal_hash}"
    count = figures.counted(language(), "backup.files", len(manifest.files))
    say(key, name=manifest.name, where=where, files=count, head=head)


COMMANDS = {"backup": backup, "restore": restore, "move": move, "go-back": go_back}
