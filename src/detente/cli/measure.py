"""detente measure: propose, accept and refuse measures, through the running node."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.claims_values import node
from detente.cli.names import any_party
from detente.cli.names import found as named
from detente.cli.options import Directory, OutputOption, Owner, Reason, lowered
from detente.cli.output import answered, done, show_table
from detente.cli.wording import language, say
from detente.language import figures

MeasureId = Annotated[str, typer.Argument(help="The measure's id, or how it begins: `detente measure list`.")]


def list_measures(
    directory: Directory,
    state: Annotated[
        str | None, typer.Option(callback=lowered, help="proposed, accepted, in_effect, refused or lapsed.")
    ] = None,
    output: OutputOption = None,
) -> None:
    """List the measures that were proposed."""
    records = node(directory).get("measures", measure_state=state)
    if answered(output, records, (record["measure"]["measure_id"] for record in records)):
        return
    rows = []
    for record in records:
        measure = record["measure"]
        shifts = [measure, *measure.get("also", ())]
        plan = f"{measure['owner']} {', '.join(shift['plan']['plan_id'] for shift in shifts)}"
        rows.append(
            (
                measure["measure_id"],
                measure["conflict_id"],
                measure["proposer"],
                plan,
                "; ".join(_change_text(shift["change"], shift["plan"]["plan_id"]) for shift in shifts),
                record["state"],
                record["reason"],
            )
        )
    show_table(("measure", "conflict", "proposer", "plan", "change", "state", "reason"), rows)


def propose(
    conflict_id: Annotated[str, typer.Argument(help="The conflict's id, or how it begins: `detente conflicts`.")],
    directory: Directory,
    delay_s: Annotated[float | None, typer.Option("--delay-s", help="Start so many seconds later.")] = None,
    level_m: Annotated[float | None, typer.Option("--level-m", help="Fly so many metres higher (or -lower).")] = None,
    offset_m: Annotated[float | None, typer.Option("--offset-m", help="Metres to the right (or -left).")] = None,
    owner: Owner = None,
    output: OutputOption = None,
) -> None:
    """Propose a change that clears a conflict; the cheapest clear one unless the change is said."""
    said = [
        {"kind": kind, field: value}
        for kind, field, value in (
            ("delay", "delay_s", delay_s),
            ("level_change", "change_m", level_m),
            ("lateral_offset", "offset_m", offset_m),
        )
        if value is not None
    ]
    if len(said) > 1:
        raise Refusal("cli.one_delay_level_m", "change", len(said))
    client = node(directory)
    conflict = named(client, "conflict", conflict_id)
    body = {
        "conflict_id": conflict, "change": said[0] if said else None, "owner": any_party(directory, owner),
    }  # fmt: skip
    answer = client.post("measures", body=json.dumps(body).encode())
    if answered(output, answer, [answer["measure_id"]]):
        return
    change = _change_text(answer["change"], answer["plan_id"])
    say("node.proposed", measure=answer["measure_id"], change=change, journal_number=answer["journal_number"])


def accept(measure_id: MeasureId, directory: Directory, output: OutputOption = None) -> None:
    """Accept the other party's measure; its owner's plan is amended."""
    client = node(directory)
    done(client.post("measures", named(client, "measure", measure_id), "accept"), output)


def refuse(measure_id: MeasureId, directory: Directory, reason: Reason, output: OutputOption = None) -> None:
    """Refuse the other party's measure, with the reason."""
    client = node(directory)
    measure = named(client, "measure", measure_id)
    done(client.post("measures", measure, "refuse", body=json.dumps({"reason": reason}).encode()), output)


def _change_text(change: dict[str, Any], plan_id: str) -> str:
    amount = next(float(value) for name, value in change.items() if name != "kind")
    return figures.change(language(), change["kind"], amount, plan_id)


COMMANDS = {"measure": {"list": list_measures, "propose": propose, "accept": accept, "refuse": refuse}}
