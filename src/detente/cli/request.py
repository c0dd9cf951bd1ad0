"""detente ask, detente answer, detente request: requests for information, each with its deadline."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import as_json, shown_time, side_by_side, statement_text, where_and_when, word
from detente.cli.plan import Directory, Output, OutputOption, done
from detente.cli.wording import say, words


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ask")(ask)
    app.command("answer")(answer)
    group = typer.Typer(help="Requests for information: list.", no_args_is_help=True)
    group.command("list")(list_requests)
    app.add_typer(group, name="request")


def ask(
    directory: Directory,
    to: values.Peer,
    name: values.Name = None,
    observation: Annotated[
        str | None, typer.Option(help="About an observation of ours, which is told with it.")
    ] = None,
    of: Annotated[str | None, typer.Option(help="Whose observation it is; ours unless said.")] = None,
    centre: values.Centre = None,
    radius: values.Radius = None,
    block: values.Block = None,
    window: values.Window = None,
) -> None:
    """Ask a party whose aircraft that was: about an observation, or about an area and time."""
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient

    volume = values.volume(centre, radius, block, window)
    if (observation is None) == (volume is None):
        raise Refusal("--observation", observation, "an observation or an area and time, one of them")
    about: dict[str, Any] = {"kind": "area", "volume": volume}
    if observation is not None:
        party = of or NodeClient(directory).get("status")["party"]
        about = {"kind": "observation", "party": party, "observation_id": observation}
    request_id = values.name_of(name, "r")
    asked = values.tell(directory, "requests", peer=to, request_id=request_id, about=about)
    say("claims.asked", name=request_id, due=shown_time(asked["due"]), journal_number=asked["journal_number"])


def answer(
    request_id: Annotated[str, typer.Argument(help="The request's name: `detente request list`.")],
    kind: Annotated[
        str, typer.Argument(metavar="ANSWER", help="ours, not_ours, not_under_our_control, cannot_tell or refused.")
    ],
    directory: Directory,
    asker: values.From,
    reason: Annotated[
        str | None, typer.Option(help="With refused: would_disclose, outside_accord, no_record or not_said.")
    ] = None,
    notice: Annotated[str | None, typer.Option(help="Our notice that explains it.")] = None,
    own_words: values.Words = None,
) -> None:
    """Answer what a party asked, or refuse with a reason."""
    said = values.tell(
        directory, "answers", peer=asker, request_id=request_id, answer=kind, reason=reason, notice_id=notice,
        words=own_words,
    )  # fmt: skip
    done(said)


def list_requests(
    directory: Directory,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what is not answered.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what either side asked, when the answer is due, and what was answered."""
    found = values.ask(directory, "requests", waiting=str(waiting).lower())
    if output is Output.JSON:
        as_json(found)
        return
    headings = [words(f"claims.heading.{name}") for name in ("request", "to", "about", "due", "state", "answer")]
    side_by_side(headings, [_row(view) for view in found])


def _row(view: dict[str, Any]) -> list[str]:
    request, about = view["request"], view["request"]["about"]
    subject = (
        f"{about['party']} {about['observation_id']}"
        if about["kind"] == "observation"
        else where_and_when(about["volume"])
    )
    given = [
        "\n".join(filter(None, [word("answer", a["answer"]), word("reason", a["reason"]) if a["reason"] else "",
                                a["notice_id"] or "", statement_text(a)]))
        for a in view["answers"]
    ]  # fmt: skip
    peer = view["peer"] if view["ours"] else words("claims.us")
    late = f", {words('claims.late')}" if view["late"] else ""
    return [
        f"{request['party']} {request['request_id']}", peer, subject, shown_time(view["due"]),
        word("state", view["state"]) + late, "\n".join(given) or "-",
    ]  # fmt: skip
