"""detente member: the members of a coalition, what each was told and what each acknowledged, through the node."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from detente.cli.plan import Directory, Output, OutputOption, done, show_table
from detente.cli.wording import say

Member = Annotated[str, typer.Argument(help="The member's name. It stays on this node.")]
Matter = Annotated[str, typer.Argument(help="The matter, or how it begins: `detente member list`.")]
Post = Annotated[str, typer.Option("--by", help="The post of ours that acts: a role, never a person.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Members of a coalition: add, remove, tell, acknowledge, list.", no_args_is_help=True)
    for name, function in (
        ("add", add), ("remove", remove), ("tell", tell), ("acknowledge", acknowledge), ("list", list_members),
    ):  # fmt: skip
        group.command(name)(function)
    app.add_typer(group, name="member")


def add(member: Member, directory: Directory, by: Post = "watch") -> None:
    """Speak for a member from now on. No other party learns of it."""
    done(_post(directory, "add", {"member": member, "by": by}))


def remove(member: Member, directory: Directory, by: Post = "watch") -> None:
    """Speak for a member no longer."""
    done(_post(directory, "remove", {"member": member, "by": by}))


def tell(matter: Matter, member: Member, directory: Directory, by: Post = "watch") -> None:
    """Keep that a member was told of a matter."""
    done(_post(directory, "tell", {"matter": matter, "member": member, "by": by}))


def acknowledge(
    matter: Matter,
    member: Member,
    directory: Directory,
    who: Annotated[str, typer.Option(help="The member's post that acknowledged.")] = "watch",
    by: Post = "watch",
) -> None:
    """Keep that a member acknowledged a matter. The peer hears, where the accord says so, when all have."""
    done(_post(directory, "acknowledge", {"matter": matter, "member": member, "by": by, "who": who}))


def list_members(directory: Directory, output: OutputOption = Output.TABLE) -> None:
    """List what members have to be told, who was, who has acknowledged, and what peers said of theirs."""
    from detente.api.client import NodeClient

    found = NodeClient(directory).get("members")
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    say("member.members", members=", ".join(found["members"]) or "-")
    rows = [
        (
            matter["name"], ", ".join(t["member"] for t in matter["told"]),
            ", ".join(t["member"] for t in matter["told"] if t["acknowledged_at"]), ", ".join(matter["lacking"]),
        )
        for matter in found["matters"]
    ]  # fmt: skip
    show_table(("matter", "told", "acknowledged", "lacking"), rows)
    for one in found["informed"]:
        say("member.informed", peer=one["peer"], matter=one["matter"], at=one["at"])


def _post(directory: Any, action: str, body: dict[str, str]) -> Any:  # noqa: ANN401
    from detente.api.client import NodeClient

    return NodeClient(directory).post("members", action, body=json.dumps(body).encode())
