"""detente member: the members of a coalition, what each was told and what each acknowledged, through the node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from detente.cli.claims_values import node
from detente.cli.names import found
from detente.cli.options import Directory, OutputOption, Person, Post
from detente.cli.output import answered, done, show_table
from detente.cli.wording import say

Member = Annotated[str, typer.Argument(help="The member's name. It stays on this node.")]
MatterId = Annotated[str, typer.Argument(help="The matter, or how it begins: `detente member list`.")]


def add(member: Member, directory: Directory, post: Post = "watch", output: OutputOption = None) -> None:
    """Speak for a member from now on. No other party learns of it."""
    client = node(directory)
    body = {"member": member, "by": found(client, "post", post)}
    done(client.post("members", "add", body=json.dumps(body).encode()), output, member)


def remove(member: Member, directory: Directory, post: Post = "watch", output: OutputOption = None) -> None:
    """Speak for a member no longer."""
    _say(directory, "remove", output, member=member, by=post)


def tell(
    matter: MatterId, member: Member, directory: Directory, post: Post = "watch", output: OutputOption = None
) -> None:
    """Keep that a member was told of a matter."""
    _say(directory, "tell", output, matter=matter, member=member, by=post)


def acknowledge(
    matter: MatterId,
    member: Member,
    directory: Directory,
    person: Person = "watch",
    post: Post = "watch",
    output: OutputOption = None,
) -> None:
    """Keep that a member acknowledged a matter. The peer hears, where the accord says so, when all have."""
    _say(directory, "acknowledge", output, matter=matter, member=member, by=post, who=person)


def list_members(directory: Directory, output: OutputOption = None) -> None:
    """List what members have to be told, who was, who has acknowledged, and what peers said of theirs."""
    known = node(directory).get("members")
    if answered(output, known, known["members"]):
        return
    say("member.members", members=", ".join(known["members"]) or "-")
    rows = [
        (
            matter["name"], ", ".join(t["member"] for t in matter["told"]),
            ", ".join(t["member"] for t in matter["told"] if t["acknowledged_at"]), ", ".join(matter["lacking"]),
        )
        for matter in known["matters"]
    ]  # fmt: skip
    show_table(("matter", "told", "acknowledged", "lacking"), rows)
    for one in known["informed"]:
        say("member.informed", peer=one["peer"], matter=one["matter"], at=one["at"])


def _say(directory: Path, action: str, output: bool | None, **body: str) -> None:  # noqa: FBT001
    client = node(directory)
    kinds = {"matter": "matter", "member": "member", "by": "post"}
    said = {name: found(client, kinds[name], typed) if name in kinds else typed for name, typed in body.items()}
    done(client.post("members", action, body=json.dumps(said).encode()), output)


COMMANDS = {"member": {"add": add, "remove": remove, "tell": tell, "acknowledge": acknowledge, "list": list_members}}
