"""detente measure: propose, accept and refuse measures, through the running node."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from detente.cli.plan import Directory, Output, OutputOption, done, show_table
from detente.cli.wording import language, words
from detente.language import figures

Measure = Annotated[str, typer.Argument(help="The measure's id: `detente measure list`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Measures: list, propose, accept, refuse.", no_args_is_help=True)
    group.command("list")(list_measures)
    group.command("propose")(propose)
    group.command("accept")(accept)
    group.command("refuse")(refuse)
    app.add_typer(group, name="measure")


def list_measures(
    directory: Directory,
    state: Annotated[str | None, typer.Option(help="proposed, accepted, in_effect, refused or lapsed.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the measures that were proposed."""
    from detente.api.client import NodeClient

    found = NodeClient(directory).get("measures", measure_state=state)
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = []
    for record in found:
        measure = record["measure"]
        plan = f"{measure['owner']} {measure['plan']['plan_id']}"
        rows.append(
            (
                measure["measure_id"],
                measure["conflict_id"],
                measure["proposer"],
                plan,
                _change_text(measure["change"], measure["plan"]["plan_id"]),
                record["state"],
                record["reason"],
            )
        )
    show_table(("measure", "conflict", "proposer", "plan", "change", "state", "reason"), rows)


def propose(
    conflict_id: Annotated[str, typer.Argument(help="The conflict's id: `detente conflicts`.")],
    directory: Directory,
    delay_s: Annotated[float | None, typer.Option("--delay-s", help="Start so many seconds later.")] = None,
    level_m: Annotated[float | None, typer.Option("--level-m", help="Fly so many metres higher (or -lower).")] = None,
    offset_m: Annotated[float | None, typer.Option("--offset-m", help="Metres to the right (or -left).")] = None,
    owner: Annotated[str | None, typer.Option(help="Whose plan is to change; ours unless said.")] = None,
) -> None:
    """Propose a change that clears a conflict; the cheapest clear one unless the change is said."""
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient

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
        raise Refusal("change", len(said), "one of --delay-s, --level-m and --offset-m")
    body = {"conflict_id": conflict_id, "change": said[0] if said else None, "owner": owner}
    answer = NodeClient(directory).post("measures", body=json.dumps(body).encode())
    typer.echo(
        words(
            "node.proposed",
            measure=answer["measure_id"],
            change=_change_text(answer["change"], answer["plan_id"]),
            journal_number=answer["journal_number"],
        )
    )


def accept(measure_id: Measure, directory: Directory) -> None:
    """Accept the other party's measure; its owner's plan is amended."""
    from detente.api.client import NodeClient

    done(NodeClient(directory).post("measures", measure_id, "accept"))


def refuse(
    measure_id: Measure,
    directory: Directory,
    reason: Annotated[str, typer.Option(help="Why, in one line; the other party reads it.")],
) -> None:
    """Refuse the other party's measure, with the reason."""
    from detente.api.client import NodeClient

    done(NodeClient(directory).post("measures", measure_id, "refuse", body=json.dumps({"reason": reason}).encode()))


def _change_text(change: dict[str, Any], plan_id: str) -> str:
    amount = next(float(value) for name, value in change.items() if name != "kind")
    return figures.change(language(), change["kind"], amount, plan_id)
