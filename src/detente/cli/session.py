"""detente session: sign-in links for persons, and the sessions that come of them."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli.claims_output import shown_time
from detente.cli.claims_values import node
from detente.cli.names import found
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered, done, show_table
from detente.cli.person import PersonName
from detente.cli.wording import echo, say

SessionId = Annotated[str, typer.Argument(help="The session, or how its id begins: `detente session list`.")]


def link(person: PersonName, directory: Directory, output: OutputOption = None) -> None:
    """Make a link that signs a person in, once, within minutes. Give it to that person alone."""
    client = node(directory)
    made = client.post("people", found(client, "person", person), "link")
    if not answered(output, made, [made["link"]]):
        echo(made["link"])
        say("session.link_until", name=made["person"], at=shown_time(made["expires_at"]), err=True)


def list_sessions(directory: Directory, output: OutputOption = None) -> None:
    """List who is signed in: since when, from where, used last when, and until when."""
    sessions = node(directory).get("sessions")
    if answered(output, sessions, (one["session"] for one in sessions)):
        return
    show_table(
        ("session", "person", "role", "posts", "opened", "address", "used", "ends"),
        [
            (
                one["session"], one["person"], one["role"], ", ".join(one["posts"]) or "-",
                shown_time(one["opened_at"]), one["address"] or "-", shown_time(one["used_at"]),
                shown_time(one["ends_at"]),
            )
            for one in sessions
        ],
    )  # fmt: skip


def revoke(session: SessionId, directory: Directory, output: OutputOption = None) -> None:
    """End a session; what was open with it is told nothing more."""
    client = node(directory)
    name = found(client, "session", session)
    done(client.post("sessions", name, "revoke"), output, name)


def end(directory: Directory, output: OutputOption = None) -> None:
    """End the session whose token is in DETENTE_TOKEN."""
    done(node(directory).post("sign-out"), output)


COMMANDS = {"session": {"link": link, "list": list_sessions, "revoke": revoke, "end": end}}
