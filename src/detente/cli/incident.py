"""detente incident: report, reply, close; both sides' versions side by side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import (
    as_json,
    shown_time,
    side_by_side,
    statement_rows,
    statement_text,
    where_and_when,
    word,
)
from detente.cli.plan import Directory, Output, OutputOption, done
from detente.cli.wording import say, words

IncidentId = Annotated[str, typer.Argument(help="The incident's name: `detente incident list`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Incidents: report, reply, close, list, show.", no_args_is_help=True)
    for name, function in (("report", report), ("reply", reply), ("close", close), ("list", list_incidents),
                           ("show", show), ("classes", classes)):  # fmt: skip
        group.command(name)(function)
    app.add_typer(group, name="incident")


def classes() -> None:
    """List the classes of incident and what may be asked for; needs no node."""
    from detente.claims.claims import IncidentClass, RequestedAction

    for kind in IncidentClass:
        typer.echo(f"{kind:<22}{word('class', kind)}")
    say("claims.actions")
    for action in RequestedAction:
        typer.echo(f"{action:<22}{word('action', action)}")


def report(
    incident_class: Annotated[str, typer.Argument(metavar="CLASS", help="What happened: `detente incident classes`.")],
    directory: Directory,
    to: values.Peer,
    evidence: Annotated[list[str], typer.Option(help="A file to show for it; only its SHA-256 is told.")],
    centre: values.Centre = None,
    radius: values.Radius = None,
    block: values.Block = None,
    window: values.Window = None,
    action: Annotated[str, typer.Option(help="What we ask for: `detente incident classes`.")] = "investigate",
    observation: Annotated[
        list[str] | None, typer.Option(help="Our observation of it, which the party was told.")
    ] = None,
    name: values.Name = None,
    own_words: values.Words = None,
) -> None:
    """Report an incident. The other side owes a reply by the accord's deadline."""
    from detente.api.client import NodeClient

    party = NodeClient(directory).get("status")["party"]
    incident_id = values.name_of(name, "i")
    told = values.tell(
        directory, "incidents", peer=to, incident_id=incident_id, incident_class=incident_class,
        volume=values.needed(values.volume(centre, radius, block, window)), evidence_sha256=values.hashes(evidence),
        requested_action=action, words=own_words,
        observations=[{"kind": "observation", "party": party, "observation_id": one} for one in observation or []],
    )  # fmt: skip
    say("claims.reported", name=incident_id, due=shown_time(told["due"]), journal_number=told["journal_number"])


def reply(
    incident_id: IncidentId,
    kind: Annotated[str, typer.Argument(metavar="REPLY", help="accept, reject, cannot_tell or under_investigation.")],
    directory: Directory,
    reporter: values.From,
    due: Annotated[str | None, typer.Option(help="Under investigation until when, UTC: 2025-06-08T12:00Z.")] = None,
    incident_class: Annotated[str | None, typer.Option("--class", help="What happened, in our version.")] = None,
    evidence: values.Evidence = None,
    centre: values.Centre = None,
    radius: values.Radius = None,
    block: values.Block = None,
    window: values.Window = None,
    own_words: values.Words = None,
) -> None:
    """Reply to an incident that a party reported, with our own version where we have one."""
    said = values.tell(
        directory, "incidents", "reply", peer=reporter, incident_id=incident_id, reply=kind,
        due=None if due is None else values.moment("--due", due), incident_class=incident_class,
        volume=values.volume(centre, radius, block, window), evidence_sha256=values.hashes(evidence), words=own_words,
    )  # fmt: skip
    done(said)


def close(
    incident_id: IncidentId,
    outcome: Annotated[str, typer.Argument(help="settled, not_settled or withdrawn.")],
    directory: Directory,
    to: values.Peer,
) -> None:
    """Close an incident that we reported to a party."""
    done(values.tell(directory, "incidents", "close", peer=to, incident_id=incident_id, closed_as=outcome))


def list_incidents(
    directory: Directory,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that await a word.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List incidents and where each stands."""
    found = values.ask(directory, "incidents", waiting=str(waiting).lower())
    if output is Output.JSON:
        as_json(found)
        return
    headings = [words(f"claims.heading.{name}") for name in ("incident", "to", "class", "time", "due", "state")]
    rows = [
        [
            f"{view['incident']['party']} {view['incident']['incident_id']}",
            view["peer"] if view["ours"] else words("claims.us"), word("class", view["incident"]["incident_class"]),
            shown_time(view["incident"]["volume"]["time"]["start"]), shown_time(view["due"]),
            word("state", view["state"]),
        ]
        for view in found
    ]  # fmt: skip
    side_by_side(headings, rows)


def show(
    incident_id: IncidentId,
    directory: Directory,
    reporter: Annotated[str, typer.Option("--by", help="Who reported it.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show both sides' versions of one incident, side by side."""
    from detente.airspace.refusal import Refusal

    found = [
        view for view in values.ask(directory, "incidents")
        if (view["incident"]["incident_id"], view["incident"]["party"]) == (incident_id, reporter)
    ]  # fmt: skip
    if not found:
        raise Refusal("INCIDENT_ID", incident_id, f"an incident that {reporter} reported", "See: detente incident list")
    if output is Output.JSON:
        as_json(found)
        return
    for view in found:
        _show(view)


def _show(view: dict[str, Any]) -> None:
    incident = view["incident"]
    other = view["peer"] if view["ours"] else words("claims.us")
    title = words("claims.incident", name=incident["incident_id"], reporter=incident["party"],
                  state=word("state", view["state"]), due=shown_time(view["due"]))  # fmt: skip
    version = "\n".join([
        shown_time(incident["reported_at"]), word("class", incident["incident_class"]),
        where_and_when(incident["volume"]), statement_text({**incident, "volume": None}),
        words("claims.asks", action=word("action", incident["requested_action"])),
    ])  # fmt: skip
    replies = [
        "\n".join(filter(None, [
            shown_time(given["replied_at"]), word("state", given["reply"]),
            words("claims.result_due", due=shown_time(given["due"])) if given["due"] else "",
            word("class", given["incident_class"]) if given["incident_class"] else "", statement_text(given),
        ]))
        for given in view["replies"]
    ]  # fmt: skip
    side_by_side((incident["party"], other), [[version, "\n\n".join(replies) or "-"]], title)
    if view["statements"]:
        parties, rows = statement_rows(view["statements"])
        side_by_side(parties, rows, words("claims.statements"))
    say("claims.whose_words")
