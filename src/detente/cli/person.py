"""detente person: who can be signed in to the node, in which role, at which posts."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from detente.cli.claims_values import node
from detente.cli.names import found
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered, done, show_table


def _role(typed: str | None) -> str | None:
    """Return a role as it is written; it may be typed in any case, with a hyphen too."""
    return typed and typed.lower().replace("-", "_")


NewPerson = Annotated[str, typer.Argument(help="The person's name. It stays on this node.")]
PersonName = Annotated[str, typer.Argument(help="The person: `detente person list`.")]
RoleOption = Annotated[
    str, typer.Option("--role", callback=_role, help="observer, duty_officer, authority or administrator.")
]
NewRole = Annotated[
    str | None,
    typer.Option(
        "--role", callback=_role, help="observer, duty_officer, authority or administrator; as it was unless said."
    ),
]
PostsOption = Annotated[
    str, typer.Option("--post", help='The posts at which the person acts, the usual one first: "watch,command".')
]
NewPosts = Annotated[
    str | None, typer.Option("--post", help="The posts, the usual one first; as they were unless said.")
]


def add(
    person: NewPerson, directory: Directory, role: RoleOption, posts: PostsOption = "", output: OutputOption = None
) -> None:
    """Let a person be signed in from now on: `detente session link` makes the link."""
    body = {"name": person, "role": role, "posts": _posts(posts)}
    done(node(directory).post("people", body=json.dumps(body).encode()), output, person)


def change(
    person: PersonName,
    directory: Directory,
    role: NewRole = None,
    posts: NewPosts = None,
    output: OutputOption = None,
) -> None:
    """Give a person another role or other posts: what is open has them at once."""
    client = node(directory)
    body = {name: said for name, said in (("role", role), ("posts", posts and _posts(posts))) if said is not None}
    name = found(client, "person", person)
    done(client.post("people", name, "change", body=json.dumps(body).encode()), output, name)


def remove(person: PersonName, directory: Directory, output: OutputOption = None) -> None:
    """Let a person in no more: sessions end, links are void."""
    client = node(directory)
    name = found(client, "person", person)
    done(client.post("people", name, "remove"), output, name)


def list_persons(directory: Directory, output: OutputOption = None) -> None:
    """List who can be signed in, in which role, at which posts."""
    persons = node(directory).get("people")
    if answered(output, persons, (one["name"] for one in persons)):
        return
    show_table(
        ("person", "role", "posts", "sessions"),
        [(one["name"], one["role"], ", ".join(one["posts"]) or "-", str(one["sessions"])) for one in persons],
    )


def _posts(typed: str) -> list[str]:
    return [post.strip() for post in typed.split(",") if post.strip()]


COMMANDS = {"person": {"add": add, "change": change, "remove": remove, "list": list_persons}}
