"""detente ask, detente answer, detente request: requests for information, each with its deadline."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli import claims_values as values
from detente.cli.claims_output import shown_time, side_by_side, statement_text, where_and_when, word
from detente.cli.names import any_party, peer_named
from detente.cli.names import found as meant
from detente.cli.options import Directory, Name, OutputOption, Owner, OwnWords, ToPeer, lowered
from detente.cli.output import answered, done
from detente.cli.wording import say, words


@values.with_volume
def ask(
    directory: Directory,
    peer: ToPeer,
    name: Name = None,
    observation: Annotated[
        str | None, typer.Option(help="About an observation of ours, which is told with it.")
    ] = None,
    owner: Owner = None,
    volume: values.TypedVolume = None,
    output: OutputOption = None,
) -> None:
    """Ask a party whose aircraft that was: about an observation, or about an area and time."""
    if (observation is None) == (volume is None):
        raise Refusal("cli.observation_or_area_time", "--observation", observation)
    client = values.node(directory)
    about: dict[str, Any] = {"kind": "area", "volume": volume}
    if observation is not None:
        party = any_party(directory, owner) or client.get("status")["party"]
        seen = meant(client, "observation", observation, owner=party)
        about = {"kind": "observation", "party": party, "observation_id": seen}
    request_id = values.name_of(name, "r")
    asked = values.tell(client, "requests", peer=peer_named(directory, peer), request_id=request_id, about=about)
    if not answered(output, {"request_id": request_id, **asked}, [request_id]):
        say("claims.asked", name=request_id, due=shown_time(asked["due"]), journal_number=asked["journal_number"])


def answer(
    request_id: Annotated[str, typer.Argument(help="The request's name, or how it begins: `detente request list`.")],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="ANSWER", callback=lowered, help="ours, not_ours, not_under_our_control, cannot_tell or refused."
        ),
    ],
    directory: Directory,
    peer: ToPeer,
    reason: Annotated[
        str | None,
        typer.Option(callback=lowered, help="With refused: would_disclose, outside_accord, no_record or not_said."),
    ] = None,
    notice: Annotated[str | None, typer.Option(help="Our notice that explains it.")] = None,
    own_words: OwnWords = None,
    output: OutputOption = None,
) -> None:
    """Answer what a party asked, or refuse with a reason."""
    client, asker = values.node(directory), peer_named(directory, peer)
    said = values.tell(
        client, "answers", peer=asker, request_id=meant(client, "request", request_id, owner=asker), answer=kind,
        reason=reason, notice_id=notice and meant(client, "notice", notice), words=own_words,
    )  # fmt: skip
    done(said, output)


def list_requests(
    directory: Directory,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what is not answered.")] = False,
    output: OutputOption = None,
) -> None:
    """List what either side asked, when the answer is due, and what was answered."""
    requests = values.node(directory).get("claims", "requests", waiting=str(waiting).lower())
    if answered(output, requests, (view["request"]["request_id"] for view in requests)):
        return
    headings = [words(f"claims.heading.{name}") for name in ("request", "to", "about", "due", "state", "answer")]
    side_by_side(headings, [_row(view) for view in requests])


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


COMMANDS = {"ask": ask, "answer": answer, "request": {"list": list_requests}}
