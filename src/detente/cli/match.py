"""detente match: private matching over files, without a node; its ledger; and the questions of an auditor."""

from __future__ import annotations

import dataclasses
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli import match_node
from detente.cli.exit_codes import ExitCode
from detente.cli.grammar import group
from detente.cli.options import OnlyPeer, OutputOption, own_directory
from detente.cli.output import answered
from detente.cli.plan_reading import PlanReading, with_reading
from detente.cli.wording import echo, read_input, say, words, write_output

if TYPE_CHECKING:
    from detente.airspace.plan import Plan
    from detente.link.card import Card
    from detente.matching.ledger import SeriesTotals
    from detente.matching.run import Run
    from detente.record.keys import NodeKey

FORMATS = "GeoJSON, KML, GPX, flown tracks and more"
OursOption = Annotated[Path, typer.Option(help=f"Our plans: {FORMATS}.")]
AccordFile = Annotated[Path, typer.Option(help="The accord that both parties have, as TOML.")]
KeyFile = Annotated[Path, typer.Option(help="Our party's private key.")]
PartyOption = Annotated[str, typer.Option(help="Our name in the accord.")]
PeerInAccord = Annotated[str, typer.Option(help="The other party's name in the accord.")]
EpochOption = Annotated[str, typer.Option(help="Any time in the epoch, such as 2025-06-01T00:00:00Z.")]
CardsOption = Annotated[
    list[Path] | None,
    typer.Option("--card", help="The card of a party whose key was rotated: it proves which keys sign for it."),
]
FolderOption = Annotated[Path, typer.Option(help="The run's folder: one for each epoch and peer.")]
NowOption = Annotated[
    str | None, typer.Option("--now", help="The time that counts as now, for rehearsals with past plans.")
]


@with_reading
def run(
    *, accord: AccordFile, key: KeyFile, party: PartyOption, peer: PeerInAccord, epoch: EpochOption,
    folder: FolderOption,
    ours: Annotated[Path | None, typer.Option(help=f"Our plans: {FORMATS}. Needed to begin.")] = None,
    now: NowOption = None, card: CardsOption = None, reading: PlanReading,
) -> None:  # fmt: skip
    """Go on with a run as far as the files allow: hand over what is in `out`, put what you get into `in`, run it again.

    Exit code 0 for no conflict, 1 for conflicts, 2 for bad input, 5 when the peer broke the protocol.
    """
    _advance(_run(accord, party, peer, epoch, card), _key(key, card), peer, folder, ours, None, now, reading)


@with_reading
def late(
    *, late: Annotated[Path, typer.Argument(help=f"Plans that are new or changed: {FORMATS}.")],
    accord: AccordFile, key: KeyFile, party: PartyOption, peer: PeerInAccord, epoch: EpochOption,
    folder: FolderOption, now: NowOption = None, card: CardsOption = None, reading: PlanReading,
) -> None:  # fmt: skip
    """Begin a late run with plans that came after the run; go on with `detente match run`. Exit codes as there."""
    _advance(_run(accord, party, peer, epoch, card), _key(key, card), peer, folder, None, late, now, reading)


def _advance(
    which: Run, key: NodeKey, peer: str, folder: Path, ours: Path | None, late: Path | None, now: str | None,
    reading: PlanReading,
) -> None:  # fmt: skip
    from detente.matching.folder import advance_run
    from detente.matching.messages import BreachError
    from detente.matching.run import epoch_text

    moment = datetime.now(UTC) if now is None else _moment(now, "--now")
    try:
        standing = advance_run(
            folder, which, key, None if ours is None else _plans(ours, reading), moment=moment,
            late=None if late is None else _plans(late, reading), progress=_show_work,
        )  # fmt: skip
    except BreachError as breach:
        over = (folder / "breach.json").exists()
        say("match.broken" if over else "match.not_taken", err=True, peer=peer, seen=breach.seen,
            fault=words(f"match.fault.{breach.fault.value}"))  # fmt: skip
        raise typer.Exit(ExitCode.PEER_AT_FAULT) from None
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
        raise typer.Exit(ExitCode.CONFLICTS)


def _show_work(what: str, done: int, total: int) -> None:
    """One line on the terminal that is written over; nothing where nobody watches."""
    if sys.stderr.isatty():
        echo(words(f"match.work.{what}", done=f"{done:,}", total=f"{total:,}") + "\r", nl=False, err=True)


def ledger(
    runs: Annotated[
        Path | None, typer.Argument(help="The folder that holds the folders of runs with one peer.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Or the directory of a running node, for its own runs.")
    ] = None,
    peer: OnlyPeer = None,
    output: OutputOption = None,
) -> None:
    """Show how much a series of runs has told each side."""
    import msgspec

    from detente.matching.folder import read_ledger
    from detente.matching.ledger import series_totals

    if runs is None:
        match_node.node_ledger(directory or own_directory(), peer, output)
        return
    totals = series_totals(read_ledger(runs))
    if not answered(output, msgspec.to_builtins(totals)):
        say_told(totals)


def say_told(total: SeriesTotals) -> None:
    """Print what a series of runs has told."""
    asked, tokens = f"{total.asked:,}", f"{total.matched_tokens:,}"
    say("match.ledger", runs=total.runs, broken=total.broken, asked=asked, tokens=tokens,
        opened=total.opened, theirs=total.seen, share=f"{total.share:.0%}", bits=f"{total.bits:,}")  # fmt: skip
    for epoch in total.audits:
        say("match.audit", epoch=epoch)
    for alarm in total.alarms:
        say("match.alarm", what=words(f"match.alarms.{alarm.value}"))


@with_reading
def sizes(
    *, ours: OursOption, accord: AccordFile, party: PartyOption, peer: PeerInAccord, epoch: EpochOption,
    output: OutputOption = None, reading: PlanReading,
) -> None:  # fmt: skip
    """Show which sizes of the accord's lists our plans of an epoch take, and how soon a cheat is found in them."""
    import msgspec

    from detente.matching.sizes import sizes_of

    found = sizes_of(_plans(ours, reading), _run(accord, party, peer, epoch))
    if answered(output, msgspec.to_builtins(found)):
        return
    for role, tokens, log2, agreed in (
        ("first", found.first_tokens, found.first_log2, found.agreed_first_log2),
        ("second", found.second_tokens, found.second_log2, found.agreed_second_log2),
    ):
        say("match.sizes", role=words(f"match.role.{role}"), tokens=f"{tokens:,}", log2=log2, agreed=agreed)
    say("match.sizes_odds", rows=f"{found.rows:,}", one=f"{found.found_1:.1%}", many=f"{found.found_256:.0%}",
        most=f"{found.found_1024:.0%}")  # fmt: skip


@with_reading
def audit_open(
    *, ours: OursOption, accord: AccordFile, party: PartyOption, peer: PeerInAccord, epoch: EpochOption,
    folder: FolderOption,
    random: Annotated[str, typer.Option(help="The auditor's 32 random bytes, as 64 hexadecimal digits.")],
    out: Annotated[Path, typer.Option(help="The file to give to the auditor.")],
    count: Annotated[int, typer.Option(help="How many leaves the auditor asks for.")] = 64,
    reading: PlanReading,
) -> None:  # fmt: skip
    """Open the leaves of our commitment that an auditor asks for."""
    import msgspec

    from detente.matching.audit import answer_audit
    from detente.matching.folder import load_secret, plans_fingerprint
    from detente.matching.quantise import quantise

    which = _run(accord, party, peer, epoch)
    secret, plans = load_secret(folder), _plans(ours, reading)
    if secret.run != which.identity.hex() or secret.plans != plans_fingerprint(plans):
        raise Refusal("cli.plans_accord_epoch_run", "--ours", str(ours))
    party_key = bytes.fromhex(_party_key(accord, party))
    tokens = quantise(plans, which.role_of(party_key), which.epoch, which.terms, which.minima)
    openings = answer_audit(tokens, bytes.fromhex(secret.seed), which, _random(random), count)
    write_output([msgspec.json.encode(openings)], out)
    say("match.opened", count=len(openings), file=out)


@with_reading
def audit_check(
    *, accord: AccordFile, party: Annotated[str, typer.Option(help="The party that is audited.")], peer: PeerInAccord,
    epoch: EpochOption,
    commit: Annotated[Path, typer.Option(help="The party's signed message 1-commit.match, from either side.")],
    opened: Annotated[Path | None, typer.Option(help="What the party opened.")] = None,
    random: Annotated[str | None, typer.Option(help="The 32 random bytes that were asked with.")] = None,
    count: Annotated[int, typer.Option(help="How many leaves were asked for.")] = 64,
    flown: Annotated[Path | None, typer.Option(help="What was flown, in any format that plans have.")] = None,
    card: CardsOption = None, reading: PlanReading,
) -> None:  # fmt: skip
    """Check what a party opened; without --opened, print 32 random bytes to ask with. Exit code 3 for faults."""
    import msgspec

    from detente.matching.audit import check_audit, signed_root
    from detente.matching.commitment import PartOpening

    which = _run(accord, party, peer, epoch, card)
    key, message = bytes.fromhex(_party_key(accord, party)), read_input(commit)
    signed_root(which, key, message)
    if opened is None or random is None:
        say("match.ask", random=secrets.token_hex(32))
        return
    try:
        openings = msgspec.json.decode(read_input(opened), type=tuple[PartOpening, ...])
    except msgspec.DecodeError as error:
        raise Refusal("cli.what_detente_match_audit", "--opened", str(error)[:120]) from None
    flights = tuple(_plans(flown, reading)) if flown is not None else None
    found = check_audit(which, key, message, _random(random), count, openings, flights)
    say("match.audited", opened=found.opened, empty=found.empty, faults=len(found.faults))
    if found.flown is not None:
        say("match.flown", flown=found.flown, missing=len(found.not_flown))
    for fault in found.faults:
        echo(fault)
    if found.faults:
        raise typer.Exit(ExitCode.NOT_PROVEN)


@with_reading
def audit_again(
    *, folder: Annotated[Path, typer.Argument(help="The audited party's folder of the run, with its secret.")],
    accord: AccordFile, party: Annotated[str, typer.Option(help="The party that is audited.")], peer: PeerInAccord,
    epoch: EpochOption,
    messages: Annotated[Path, typer.Option(help="The party's messages as the peer has them: the peer's folder `in`.")],
    flown: Annotated[Path | None, typer.Option(help="What was flown, in any format that plans have.")] = None,
    card: CardsOption = None, reading: PlanReading,
) -> None:  # fmt: skip
    """Make a suspicious run again from its secret and plans, and hold it against what was sent and what was flown.

    Exit code 3 when a message comes out otherwise than it was sent.
    """
    from detente.matching.audit import Signed, make_again
    from detente.matching.keeper import FolderKeeper

    which, public = _run(accord, party, peer, epoch, card), bytes.fromhex(_party_key(accord, party))
    sent = {file.stem: read_input(file) for file in sorted(messages.glob("*.match"))}
    flights = tuple(_plans(flown, reading)) if flown is not None else None
    signed = Signed(which.keys_of(public), tuple(sent.values()))
    found = make_again(which, signed, FolderKeeper(folder), sent, flights, _show_work)
    say("match.again", same=found.same, different=len(found.different), plans=found.plans)
    for name in found.different:
        say("match.different", name=name)
    if found.not_flown is not None:
        say("match.plans_flown", flown=found.plans - len(found.not_flown), missing=len(found.not_flown))
        for name in found.not_flown:
            say("match.not_flown", name=name)
    if found.different:
        raise typer.Exit(ExitCode.NOT_PROVEN)


def audit_breach(
    *, folder: Annotated[Path, typer.Argument(help="The folder of the run of the party that accuses the other.")],
    accord: AccordFile, party: Annotated[str, typer.Option(help="The party that is accused.")], peer: PeerInAccord,
    epoch: EpochOption, card: CardsOption = None,
) -> None:  # fmt: skip
    """Check, by the signed messages of both alone, whether a party proved the rows of its list. Exit code 3 if not."""
    from detente.matching.evidence import list_was_proven

    which, public = _run(accord, party, peer, epoch, card), bytes.fromhex(_party_key(accord, party))
    theirs, readers = (
        {file.stem: read_input(file) for name in names for file in sorted((folder / name).glob("*.match"))}
        for names in (("in", "evidence"), ("out",))
    )
    if list_was_proven(which, public, theirs, readers):
        say("match.rows_proven", party=party)
        return
    say("match.rows_not_proven", party=party)
    raise typer.Exit(ExitCode.NOT_PROVEN)


def _run(accord: Path, party: str, peer: str, epoch: str, cards: Sequence[Path] | None = None) -> Run:
    from detente.accord.terms import parse_accord
    from detente.matching.run import run_between

    moment = _moment(epoch, "--epoch")
    found = run_between(parse_accord(read_input(accord).decode("utf-8", "replace")), party, peer, moment)
    keys = {card.key: card.keys for card in _cards(cards)}
    return dataclasses.replace(found, keys_of=lambda first: keys.get(first, (first,)))


def _key(file: Path, cards: Sequence[Path] | None) -> NodeKey:
    from detente.record.keys import NodeKey

    key = NodeKey.load(file)
    for card in _cards(cards):
        if card.signing_key == key.public:
            key.descend_from(card.key, card.rotations)
    return key


def _cards(files: Sequence[Path] | None) -> list[Card]:
    from detente.link.card import read_card

    return [read_card(read_input(file)) for file in files or ()]


def _moment(text: str, option: str) -> datetime:
    from detente.airspace.position import utc

    try:
        return utc(datetime.fromisoformat(text), option)
    except ValueError as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal("cli.time_with_offset", option, text) from None


def _party_key(accord: Path, party: str) -> str:
    from detente.accord.terms import parse_accord

    found = parse_accord(read_input(accord).decode("utf-8", "replace")).party(party)
    if found is None:
        raise Refusal("cli.party_accord", "--party", party)
    return found.public_key


def _plans(file: Path, reading: PlanReading) -> list[Plan]:
    from detente.feeds.load import load_plans

    return list(load_plans(file, reading.options()).plans)


def _random(text: str) -> bytes:
    try:
        random = bytes.fromhex(text)
    except ValueError:
        random = b""
    if len(random) != 32:
        raise Refusal("cli.hexadecimal_digits", "--random", text[:80])
    return random


AUDIT = group(
    "Open random parts of a commitment to an auditor, and check what was opened.",
    {"open": audit_open, "check": audit_check, "again": audit_again, "breach": audit_breach},
)
COMMANDS = {
    "match": {
        "run": run, "late": late, "sizes": sizes, "ledger": ledger, "now": match_node.now, "status": match_node.status,
        "abort": match_node.abort, "give": match_node.give, "take": match_node.take, "audit": AUDIT,
    }
}  # fmt: skip
