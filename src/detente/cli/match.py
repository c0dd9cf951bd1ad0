"""detente match: private matching over files, without a node; its ledger; and the questions of an auditor."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli import match_node

if TYPE_CHECKING:
    from detente.airspace.plan import Plan
    from detente.matching.ledger import SeriesTotals
    from detente.matching.run import Run

FAULT_EXIT = 3

FORMATS = "GeoJSON, KML, or flown tracks as Parquet or CSV"
OursOption = Annotated[Path, typer.Option(help=f"Our plans: {FORMATS}.")]
AccordOption = Annotated[Path, typer.Option(help="The accord that both parties have, as TOML.")]
KeyOption = Annotated[Path, typer.Option(help="Our party's private key.")]
PartyOption = Annotated[str, typer.Option(help="Our name in the accord.")]
PeerOption = Annotated[str, typer.Option(help="The other party's name in the accord.")]
EpochOption = Annotated[str, typer.Option(help="Any time in the epoch, such as 2025-06-01T00:00:00Z.")]
FolderOption = Annotated[Path, typer.Option(help="The run's folder: one for each epoch and peer.")]
AtOption = Annotated[str | None, typer.Option(help="The time that counts as now, for rehearsals with past plans.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Private matching: find the conflicts without showing the plans.")
    group.command("run")(run)
    group.command("late")(late)
    group.command("ledger")(ledger)
    match_node.add(group)
    audit = typer.Typer(help="Open random parts of a commitment to an auditor, and check what was opened.")
    audit.command("open")(audit_open)
    audit.command("check")(audit_check)
    audit.command("again")(audit_again)
    group.add_typer(audit, name="audit", no_args_is_help=True)
    app.add_typer(group, name="match", no_args_is_help=True)


def run(
    *, accord: AccordOption, key: KeyOption, party: PartyOption, peer: PeerOption, epoch: EpochOption,
    folder: FolderOption,
    ours: Annotated[Path | None, typer.Option(help=f"Our plans: {FORMATS}. Needed to begin.")] = None,
    at: AtOption = None,
) -> None:  # fmt: skip
    """Go on with a run as far as the files allow: hand over what is in `out`, put what you get into `in`, run it again.

    Exit code 0 for no conflict, 1 for conflicts, 2 for bad input, 3 when the peer broke the protocol.
    """
    _advance(_run(accord, party, peer, epoch), key, peer, folder, ours, None, at)


def late(
    *, late: Annotated[Path, typer.Argument(help=f"Plans that are new or changed: {FORMATS}.")],
    accord: AccordOption, key: KeyOption, party: PartyOption, peer: PeerOption, epoch: EpochOption,
    folder: FolderOption, at: AtOption = None,
) -> None:  # fmt: skip
    """Begin a late run with plans that came after the run; go on with `detente match run`. Exit codes as there."""
    _advance(_run(accord, party, peer, epoch), key, peer, folder, None, late, at)


def _advance(
    which: Run, key: Path, peer: str, folder: Path, ours: Path | None, late: Path | None, at: str | None
) -> None:
    from detente.cli.wording import say, words
    from detente.matching.folder import advance_run
    from detente.matching.messages import BreachError
    from detente.matching.run import epoch_text
    from detente.record.keys import NodeKey

    moment = datetime.now(UTC) if at is None else _moment(at, "--at")
    try:
        standing = advance_run(
            folder, which, NodeKey.load(key), None if ours is None else _plans(ours), moment=moment,
            late=None if late is None else _plans(late), progress=_show_work,
        )  # fmt: skip
    except BreachError as breach:
        over = (folder / "breach.json").exists()
        say("match.broken" if over else "match.not_taken", err=True, peer=peer, seen=breach.seen,
            fault=words(f"match.fault.{breach.fault.value}"))  # fmt: skip
        raise typer.Exit(FAULT_EXIT) from None
    say("match.epoch", epoch=epoch_text(which.epoch), role=words(f"match.role.{standing.side.role.value}"))
    # What was made before is named again as long as nothing new is: it may have been lost on the way.
    for file in standing.new or standing.sent[-1:]:
        say("match.hand_over", file=file, peer=peer)
    if standing.awaited is not None:
        say("match.awaited", file=standing.awaited)
    seen = standing.side.revealed
    if seen is None:
        return
    say(
        "match.complete",
        flagged=len(seen.flagged),
        opened=seen.opened,
        theirs=len(seen.theirs),
        tokens=seen.matched_tokens,
    )
    times: dict[tuple[str, str], list[datetime]] = {}
    for one in seen.encounters:
        times.setdefault((one.first_plan_id, one.second_plan_id), []).extend((one.start, one.end))
    for (ours_id, theirs_id), moments in times.items():
        say("match.conflict", ours=ours_id, theirs=theirs_id,
            start=f"{min(moments):%Y-%m-%d %H:%M:%S}", end=f"{max(moments):%Y-%m-%d %H:%M:%S}")  # fmt: skip
    if seen.cleared:
        say("match.cleared", plans=", ".join(seen.cleared))
    if seen.encounters:
        raise typer.Exit(1)


def _show_work(what: str, done: int, total: int) -> None:
    """One line on the terminal that is written over; nothing where nobody watches."""
    from detente.cli.wording import words

    if sys.stderr.isatty():
        typer.echo(words(f"match.work.{what}", done=f"{done:,}", total=f"{total:,}") + "\r", nl=False, err=True)


def ledger(
    runs: Annotated[
        Path | None, typer.Argument(help="The folder that holds the folders of runs with one peer.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Or the directory of a running node, for its own runs.")
    ] = None,
    peer: Annotated[str | None, typer.Option("--with", help="Only runs of the node with this party.")] = None,
) -> None:
    """Show how much a series of runs has told each side."""
    from detente.airspace.refusal import Refusal
    from detente.matching.folder import read_ledger
    from detente.matching.ledger import series_totals

    if directory is not None:
        match_node.node_ledger(directory, peer)
    elif runs is not None:
        say_told(series_totals(read_ledger(runs)))
    else:
        raise Refusal("RUNS", "nothing", "a folder of runs, or a node's directory with --dir")


def say_told(total: SeriesTotals) -> None:
    """Print what a series of runs has told."""
    from detente.cli.wording import say, words

    asked, tokens = f"{total.asked:,}", f"{total.matched_tokens:,}"
    say("match.ledger", runs=total.runs, broken=total.broken, asked=asked, tokens=tokens,
        opened=total.opened, theirs=total.seen, share=f"{total.share:.0%}")  # fmt: skip
    for alarm in total.alarms:
        say("match.alarm", what=words(f"match.alarms.{alarm.value}"))


def audit_open(
    *, ours: OursOption, accord: AccordOption, party: PartyOption, peer: PeerOption, epoch: EpochOption,
    folder: FolderOption,
    random: Annotated[str, typer.Option(help="The auditor's 32 random bytes, as 64 hexadecimal digits.")],
    out: Annotated[Path, typer.Option(help="The file to give to the auditor.")],
    count: Annotated[int, typer.Option(help="How many leaves the auditor asks for.")] = 64,
) -> None:  # fmt: skip
    """Open the leaves of our commitment that an auditor asks for."""
    import msgspec

    from detente.airspace.refusal import Refusal
    from detente.cli.wording import say, write_output
    from detente.matching.audit import answer_audit
    from detente.matching.folder import load_secret, plans_fingerprint
    from detente.matching.quantise import quantise

    which = _run(accord, party, peer, epoch)
    secret, plans = load_secret(folder), _plans(ours)
    if secret.run != which.identity.hex() or secret.plans != plans_fingerprint(plans):
        raise Refusal("--ours", str(ours), "the plans, accord and epoch that the run in this folder began with")
    party_key = bytes.fromhex(_party_key(accord, party))
    tokens = quantise(plans, which.role_of(party_key), which.epoch, which.terms, which.minima)
    openings = answer_audit(tokens, bytes.fromhex(secret.seed), which, _random(random), count)
    write_output([msgspec.json.encode(openings)], out)
    say("match.opened", count=len(openings), file=out)


def audit_check(
    *, accord: AccordOption, party: Annotated[str, typer.Option(help="The party that is audited.")], peer: PeerOption,
    epoch: EpochOption,
    commit: Annotated[Path, typer.Option(help="The party's signed message 1-commit.match, from either side.")],
    opened: Annotated[Path | None, typer.Option(help="What the party opened.")] = None,
    random: Annotated[str | None, typer.Option(help="The 32 random bytes that were asked with.")] = None,
    count: Annotated[int, typer.Option(help="How many leaves were asked for.")] = 64,
    flown: Annotated[Path | None, typer.Option(help="What was flown, in any format that plans have.")] = None,
) -> None:  # fmt: skip
    """Check what a party opened; without --opened, print 32 random bytes to ask with. Exit code 1 for faults."""
    import msgspec

    from detente.airspace.refusal import Refusal
    from detente.cli.wording import say
    from detente.matching.audit import check_audit, signed_root
    from detente.matching.commitment import PartOpening

    which = _run(accord, party, peer, epoch)
    key, message = bytes.fromhex(_party_key(accord, party)), _bytes(commit)
    signed_root(which, key, message)
    if opened is None or random is None:
        say("match.ask", random=secrets.token_hex(32))
        return
    try:
        openings = msgspec.json.decode(_bytes(opened), type=tuple[PartOpening, ...])
    except msgspec.DecodeError as error:
        raise Refusal("--opened", str(error)[:120], "what `detente match audit open` wrote") from None
    flights = tuple(_plans(flown)) if flown is not None else None
    found = check_audit(which, key, message, _random(random), count, openings, flights)
    say("match.audited", opened=found.opened, empty=found.empty, faults=len(found.faults))
    if found.flown is not None:
        say("match.flown", flown=found.flown, missing=len(found.not_flown))
    for fault in found.faults:
        typer.echo(fault)
    if found.faults:
        raise typer.Exit(1)


def audit_again(
    *, folder: Annotated[Path, typer.Argument(help="The audited party's folder of the run, with its secret.")],
    accord: AccordOption, party: Annotated[str, typer.Option(help="The party that is audited.")], peer: PeerOption,
    epoch: EpochOption,
    messages: Annotated[Path, typer.Option(help="The party's messages as the peer has them: the peer's folder `in`.")],
    flown: Annotated[Path | None, typer.Option(help="What was flown, in any format that plans have.")] = None,
) -> None:  # fmt: skip
    """Make a suspicious run again from its secret and plans, and hold it against what was sent and what was flown.

    Exit code 1 when a message comes out otherwise than it was sent.
    """
    from detente.cli.wording import say
    from detente.matching.audit import Signed, make_again
    from detente.matching.keeping import FolderKeeper

    which, public = _run(accord, party, peer, epoch), bytes.fromhex(_party_key(accord, party))
    sent = {file.stem: _bytes(file) for file in sorted(messages.glob("*.match"))}
    flights = tuple(_plans(flown)) if flown is not None else None
    found = make_again(which, Signed(public, tuple(sent.values())), FolderKeeper(folder), sent, flights, _show_work)
    say("match.again", same=found.same, different=len(found.different), plans=found.plans)
    for name in found.different:
        say("match.different", name=name)
    if found.not_flown is not None:
        say("match.plans_flown", flown=found.plans - len(found.not_flown), missing=len(found.not_flown))
        for name in found.not_flown:
            say("match.not_flown", name=name)
    if found.different:
        raise typer.Exit(1)


def _run(accord: Path, party: str, peer: str, epoch: str) -> Run:
    from detente.accord.terms import parse_accord
    from detente.matching.run import run_between

    moment = _moment(epoch, "--epoch")
    return run_between(parse_accord(_bytes(accord).decode("utf-8", "replace")), party, peer, moment)


def _moment(text: str, option: str) -> datetime:
    from detente.airspace.position import utc
    from detente.airspace.refusal import Refusal

    try:
        return utc(datetime.fromisoformat(text), option)
    except ValueError as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(option, text, "a time with its offset from UTC", 'Write it as "2025-06-01T14:30:00Z".') from None


def _party_key(accord: Path, party: str) -> str:
    from detente.accord.terms import parse_accord
    from detente.airspace.refusal import Refusal

    found = parse_accord(_bytes(accord).decode("utf-8", "replace")).party(party)
    if found is None:
        raise Refusal("--party", party, "a party of the accord")
    return found.public_key


def _plans(file: Path) -> list[Plan]:
    from detente.feeds.load import load_plans

    return list(load_plans(file).plans)


def _random(text: str) -> bytes:
    from detente.airspace.refusal import Refusal

    try:
        random = bytes.fromhex(text)
    except ValueError:
        random = b""
    if len(random) != 32:
        raise Refusal("--random", text[:80], "64 hexadecimal digits")
    return random


def _bytes(file: Path) -> bytes:
    from detente.airspace.refusal import Refusal

    try:
        return file.read_bytes()
    except OSError as error:
        raise Refusal(str(file), error.strerror or str(error), "a file that can be read") from None
