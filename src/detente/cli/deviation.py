"""detente deviation: what a party says of itself when it is outside its own volume."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import as_json, shown_time, side_by_side, where_and_when, word
from detente.cli.plan import Directory, Output, OutputOption, done
from detente.cli.wording import say, words


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Our own deviations: report, over, list.", no_args_is_help=True)
    group.command("report")(report)
    group.command("over")(over)
    group.command("list")(list_deviations)
    app.add_typer(group, name="deviation")


def report(
    directory: Directory,
    since: Annotated[str, typer.Option(help="Since when we are out, UTC: 2025-06-01T14:30:05Z.")],
    intent: Annotated[str, typer.Option(help="correcting, leaving, holding or emergency.")] = "correcting",
    centre: values.Centre = None,
    radius: values.Radius = None,
    block: values.Block = None,
    window: values.Window = None,
    notice: Annotated[str | None, typer.Option(help="The notice whose volume we left.")] = None,
    name: values.Name = None,
) -> None:
    """Say to every party that we are outside our own volume, where we are now, and what we do about it."""
    deviation_id = values.name_of(name, "d")
    said = values.tell(
        directory, "deviations", deviation_id=deviation_id, left_at=values.moment("--since", since), intent=intent,
        volume=values.needed(values.volume(centre, radius, block, window)), notice_id=notice,
    )  # fmt: skip
    say("claims.stated", name=deviation_id, journal_number=said["journal_number"])


def over(
    deviation_id: Annotated[str, typer.Argument(help="The deviation's name: `detente deviation list`.")],
    directory: Directory,
    since: Annotated[str | None, typer.Option(help="Since when it is over, UTC; now unless said.")] = None,
) -> None:
    """Say that we are inside our own volume again, or gone."""
    over_at = None if since is None else values.moment("--since", since)
    done(values.tell(directory, "deviations", "over", deviation_id=deviation_id, over_at=over_at))


def list_deviations(directory: Directory, output: OutputOption = Output.TABLE) -> None:
    """List what parties reported of themselves."""
    found = values.ask(directory, "deviations")
    if output is Output.JSON:
        as_json(found)
        return
    headings = [words(f"claims.heading.{name}") for name in ("deviation", "to", "time", "place", "intent", "state")]
    rows = []
    for view in found:
        said = view["deviation"]
        late = words("claims.late_by", seconds=f"{view['late_by_s']:.0f}") if view["late_by_s"] else ""
        state = (
            words("claims.over", time=shown_time(view["over"]["over_at"])) if view["over"] else words("claims.still")
        )
        peer = view["peer"] if said["party"] != view["peer"] else words("claims.us")
        rows.append([
            f"{said['party']} {said['deviation_id']}", peer, shown_time(said["left_at"]),
            where_and_when(said["volume"]),
            word("intent", said["intent"]), f"{state} {late}".strip(),
        ])  # fmt: skip
    side_by_side(headings, rows)
