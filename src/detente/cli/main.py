"""The `detente` command: which commands there are, and the file of this room that is loaded when one is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, NamedTuple

import typer
import typer.main
from typer._click.core import Command, Context
from typer._click.formatting import HelpFormatter

import detente
from detente.cli.ending import ended
from detente.cli.exit_codes import ExitCode
from detente.cli.grammar import CommandGroup, SpokenGroup
from detente.cli.wording import echo, language
from detente.language.command_help import help_in


class Lazy(NamedTuple):
    """The module of this room whose `COMMANDS` hold a command, and the first sentence of the command's help."""

    module: str
    about: str


COMMANDS: dict[str, Lazy] = {
    "init": Lazy("init", "Make a node's directory: key, card, configuration and an empty journal."),
    "card": Lazy("card", "The card: name, key, addresses, and the fingerprint to compare by voice."),
    "pair": Lazy("pair", "Trust another party's card."),
    "unpair": Lazy("pair", "Trust a party's card no longer."),
    "check": Lazy(
        "check",
        "Check our plans against theirs, from two files: exit code 0 for no conflict, 1 for conflicts, 10 if not sure.",
    ),
    "warm": Lazy(
        "warm", "Compile the numeric kernels once, about a minute, and keep them; every command is quick from then on."
    ),
    "convert": Lazy(
        "convert", "Write the plans of a file in another format; `detente check` reads it back as the same plans."
    ),
    "demo": Lazy(
        "demo",
        "Let two parties, each a real node, deconflict one day of recorded traffic over California; write a report.",
    ),
    "rehearse": Lazy("rehearse", "Play a rehearsal on real nodes and check each claim that it makes."),
    "node": Lazy("node", "Run the node until it is told to stop (Ctrl-C or SIGTERM)."),
    "reload": Lazy("reload", "Let the running node take in pairings, accord and configuration."),
    "key": Lazy("key", "The node's private key: rotate it, encrypt it with a passphrase, decrypt it."),
    "backup": Lazy("backup", "Write everything that a node is to one file, whether it runs or not, and verify it."),
    "restore": Lazy("backup", "Make a node's directory from a backup, verified."),
    "move": Lazy("backup", "Write the backup of a stopped node to be restored on another machine."),
    "go-back": Lazy("backup", "Put back what the release before this one wrote, kept at the upgrade."),
    "status": Lazy("status", "Show the node in numbers: plans, conflicts, measures, messages."),
    "doctor": Lazy(
        "doctor", "Look at clock, disk, port, keys, peers, versions, accords and backup, and say how each is mended."
    ),
    "plan": Lazy("plan", "Plans: import, list, show, withdraw, activate, end."),
    "notice": Lazy("notice", "Notices: give, import, amend, cancel, list."),
    "humanitarian": Lazy("humanitarian", "Humanitarian flights and airdrops: form, give, withdraw, list, receipts."),
    "details": Lazy("details", "Details behind notices: commit, open, export, list."),
    "conflicts": Lazy("conflicts", "List the conflicts between our plans and the peers'."),
    "export": Lazy(
        "export",
        "Write what holds now for other programs: with names for our own, without names or purpose for publication.",
    ),
    "measure": Lazy("measure", "Measures: list, propose, accept, refuse."),
    "line": Lazy("line", "The line: messages, STOP, receipts, watches, checks."),
    "observe": Lazy("observation", "Keep what we saw, with its uncertainty."),
    "observation": Lazy("observation", "Observations: list, send."),
    "ask": Lazy("request", "Ask a party whose aircraft that was: about an observation, or about an area and time."),
    "answer": Lazy("request", "Answer what a party asked, or refuse with a reason."),
    "request": Lazy("request", "Requests for information: list."),
    "statement": Lazy("statement", "Statements on an occurrence: say, list."),
    "incident": Lazy("incident", "Incidents: report, reply, close, list, show."),
    "deviation": Lazy("deviation", "Our own deviations: report, over, list."),
    "review": Lazy(
        "review", "Compute the joint statistics of what both journals hold, and compare them with the other side's."
    ),
    "accord": Lazy("accord", "Accords: draft, propose, counter, authorise, suspend, resume, end."),
    "zone": Lazy("zone", "Temporary zones: propose, counter, accept, refuse, move, release."),
    "member": Lazy("member", "Members of a coalition: add, remove, tell, acknowledge, list."),
    "watch": Lazy(
        "watch", "The watch: what flies, alerts, feeds, who has an alert, and what was kept, played again and verified."
    ),
    "map": Lazy("map_boundaries", "Boundaries on the own map, such as those of FIRs: add, list, remove."),
    "feed": Lazy("feed", "Live feeds: add, list, remove, try, and replay a recording."),
    "person": Lazy("person", "Persons who can be signed in: add, change, remove, list."),
    "session": Lazy("session", "Sign-in links and sessions of persons: link, list, revoke, end."),
    "metrics-token": Lazy("metrics_token", "Tokens that read the metrics and nothing else: create, list, revoke."),
    "disclosed": Lazy(
        "disclosed", "Show every message that a party was sent, and for each plan how much of it and why."
    ),
    "match": Lazy("match", "Private matching: find the conflicts without showing the plans."),
    "journal": Lazy("journal", "The journal: verify, show, export, and its closed segments. No node is needed."),
    "transcript": Lazy("transcript", "The transcript of a link: show, verify, compare, prove. No node is needed."),
    "dss": Lazy("dss", "Run a Discovery and Synchronization Service (F3548-21, F3411), or ask what it decided."),
    "token": Lazy("token", "Print an access token signed with the development key of a service's directory."),
}
"""Every command, in the order of the help."""


class AllCommands(SpokenGroup):
    """The commands of the table: each is loaded when it is called, none for the help of all."""

    _below = ""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002
        """Return the names, in their order."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Return the command that is called and what is left for it; it is loaded with no more than what is called."""
        self._below = args[1] if len(args) > 1 else ""
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        """Return a command, loaded."""
        return loaded(cmd_name, self._below) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002
        """Write the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_in(language(), one.about)) for name, one in COMMANDS.items()])


def loaded(name: str, below: str = "") -> Command:
    """Return a command of the table with its own commands: only the one called `below`, where there is one."""
    holder = CommandGroup()
    module = import_module(f"detente.cli.{COMMANDS[name].module}")
    if hasattr(module, "register"):
        module.register(holder)
    else:
        holder.add(name, module.COMMANDS[name], COMMANDS[name].about)
    for group in holder.registered_groups:
        app = group.typer_instance
        called = [one for one in app.registered_commands if one.name == below] if app is not None else []
        if app is not None and group.name == name and called:
            app.registered_commands, app.registered_groups = called, []
    return typer.main.get_group(holder).commands[name]


def _say_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        echo(f"detente {detente.__version__}")
        raise typer.Exit(ExitCode.DONE)


def command_line() -> Command:
    """Return the command with all that is below it."""
    app = CommandGroup(
        name="detente",
        cls=AllCommands,
        no_args_is_help=True,
        context_settings={"token_normalize_func": str.casefold},
    )
    app.callback(help="Deconfliction between parties that share an airspace but not their trust.")(_options)
    return typer.main.get_command(app)


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Take the options that come before a command."""


def main() -> None:
    """Run the command line; whatever happens ends with one of the exit codes, a mistake with one line."""
    sys.exit(ended(command_line, sys.argv[1:]))
