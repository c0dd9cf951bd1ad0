"""detente incident: report, reply, close; both sides' versions side by side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli import claims_values as values
from detente.cli.claims_output import shown_time, side_by_side, statement_rows, statement_text, where_and_when, word
from detente.cli.names import any_party, peer_named
from detente.cli.names import found as meant
from detente.cli.options import Directory, Evidence, Name, OutputOption, OwnWords, ToPeer, lowered
from detente.cli.output import answered, done
from detente.cli.wording import echo, say, words

IncidentId = Annotated[str, typer.Argument(help="The incident's name, or how it begins: `detente incident list`.")]


def classes(output: OutputOption = None) -> None:
    """List the classes of incident and what may be asked for; needs no node."""
    from detente.claims.claims import IncidentClass, RequestedAction

    known = {"classes": list(IncidentClass), "actions": list(RequestedAction)}
    if answered(output, known, IncidentClass):
        return
    for kind in IncidentClass:
        echo(f"{kind:<22}{word('class', kind)}")
    say("claims.actions")
    for action in RequestedAction:
        echo(f"{action:<22}{word('action', action)}")


@values.with_volume
def report(
    incident_class: Annotated[
        str, typer.Argument(metavar="CLASS", callback=lowered, help="What happened: `detente incident classes`.")
    ],
    directory: Directory,
    peer: ToPeer,
    evidence: Annotated[list[str], typer.Option(help="A file to show for it; only its SHA-256 is told.")],
    volume: values.TypedVolume = None,
    action: Annotated[
        str, typer.Option(callback=lowered, help="What we ask for: `detente incident classes`.")
    ] = "investigate",
    observation: Annotated[
        list[str] | None, typer.Option(help="Our observation of it, which the party was told.")
    ] = None,
    name: Name = None,
    own_words: OwnWords = None,
    output: OutputOption = None,
) -> None:
    """Report an incident. The other side owes a reply by the accord's deadline."""
    client = values.node(directory)
    party = client.get("status")["party"]
    incident_id = values.name_of(name, "i")
    seen = [meant(client, "observation", one, owner=party) for one in observation or []]
    told = values.tell(
        client, "incidents", peer=peer_named(directory, peer), incident_id=incident_id,
        incident_class=incident_class, volume=values.needed(volume),
        evidence_sha256=values.hashes(evidence), requested_action=action, words=own_words,
        observations=[{"kind": "observation", "party": party, "observation_id": one} for one in seen],
    )  # fmt: skip
    if not answered(output, {"incident_id": incident_id, **told}, [incident_id]):
        say("claims.reported", name=incident_id, due=shown_time(told["due"]), journal_number=told["journal_number"])


@values.with_volume
def reply(
    incident_id: IncidentId,
    kind: Annotated[
        str,
        typer.Argument(metavar="REPLY", callback=lowered, help="accept, reject, cannot_tell or under_investigation."),
    ],
    directory: Directory,
    peer: ToPeer,
    due: Annotated[str | None, typer.Option(help="Under investigation until when, UTC: 2025-06-08T12:00Z.")] = None,
    incident_class: Annotated[
        str | None, typer.Option("--class", callback=lowered, help="What happened, in our version.")
    ] = None,
    evidence: Evidence = None,
    volume: values.TypedVolume = None,
    own_words: OwnWords = None,
    output: OutputOption = None,
) -> None:
    """Reply to an incident that a party reported, with our own version where we have one."""
    client, reporter = values.node(directory), peer_named(directory, peer)
    said = values.tell(
        client, "incidents", "reply", peer=reporter,
        incident_id=meant(client, "incident", incident_id, owner=reporter), reply=kind,
        due=None if due is None else values.moment("--due", due), incident_class=incident_class,
        volume=volume, evidence_sha256=values.hashes(evidence),
        words=own_words,
    )  # fmt: skip
    done(said, output)


def close(
    incident_id: IncidentId,
    outcome: Annotated[str, typer.Argument(callback=lowered, help="settled, not_settled or withdrawn.")],
    directory: Directory,
    peer: ToPeer,
    output: OutputOption = None,
) -> None:
    """Close an incident that we reported to a party."""
    client = values.node(directory)
    incident = meant(client, "incident", incident_id, owner=client.get("status")["party"])
    body = {"peer": peer_named(directory, peer), "incident_id": incident, "closed_as": outcome}
    done(values.tell(client, "incidents", "close", **body), output)


def list_incidents(
    directory: Directory,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that await a word.")] = False,
    output: OutputOption = None,
) -> None:
    """List incidents and where each stands."""
    incidents = values.node(directory).get("claims", "incidents", waiting=str(waiting).lower())
    if answered(output, incidents, (view["incident"]["incident_id"] for view in incidents)):
        return
    headings = [words(f"claims.heading.{name}") for name in ("incident", "to", "class", "time", "due", "state")]
    rows = [
        [
            f"{view['incident']['party']} {view['incident']['incident_id']}",
            view["peer"] if view["ours"] else words("claims.us"), word("class", view["incident"]["incident_class"]),
            shown_time(view["incident"]["volume"]["time"]["start"]), shown_time(view["due"]),
            word("state", view["state"]),
        ]
        for view in incidents
    ]  # fmt: skip
    side_by_side(headings, rows)


def show(
    incident_id: IncidentId,
    directory: Directory,
    owner: Annotated[str | None, typer.Option("--owner", help="Who reported it; we unless said.")] = None,
    output: OutputOption = None,
) -> None:
    """Show both sides' versions of one incident, side by side."""
    client = values.node(directory)
    reporter = any_party(directory, owner) or client.get("status")["party"]
    incident = meant(client, "incident", incident_id, owner=reporter)
    views = [
        view for view in client.get("claims", "incidents")
        if (view["incident"]["incident_id"], view["incident"]["party"]) == (incident, reporter)
    ]  # fmt: skip
    if not views:
        raise Refusal("cli.incident_reported", "INCIDENT_ID", incident_id, reporter=reporter)
    if answered(output, views, [incident]):
        return
    for view in views:
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


COMMANDS = {
    "incident": {
        "report": report, "reply": reply, "close": close, "list": list_incidents, "show": show,
        "classes": classes,
    }
}  # fmt: skip
