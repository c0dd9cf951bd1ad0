"""detente deviation: what a party says of itself when it is outside its own volume."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import shown_time, side_by_side, where_and_when, word
from detente.cli.names import found as meant
from detente.cli.options import AtTime, Directory, Name, OutputOption, lowered
from detente.cli.output import answered, done
from detente.cli.wording import say, words


@values.with_volume
def report(
    directory: Directory,
    time: Annotated[str, typer.Option("--time", help="Since when we are out, UTC: 2025-06-01T14:30:05Z.")],
    intent: Annotated[
        str, typer.Option(callback=lowered, help="correcting, leaving, holding or emergency.")
    ] = "correcting",
    volume: values.TypedVolume = None,
    notice: Annotated[str | None, typer.Option(help="The notice whose volume we left.")] = None,
    name: Name = None,
    output: OutputOption = None,
) -> None:
    """Say to every party that we are outside our own volume, where we are now, and what we do about it."""
    client, deviation_id = values.node(directory), values.name_of(name, "d")
    said = values.tell(
        client, "deviations", deviation_id=deviation_id, left_at=values.moment("--time", time), intent=intent,
        volume=values.needed(volume),
        notice_id=notice and meant(client, "notice", notice),
    )  # fmt: skip
    if not answered(output, {"deviation_id": deviation_id, **said}, [deviation_id]):
        say("claims.stated", name=deviation_id, journal_number=said["journal_number"])


def over(
    deviation_id: Annotated[str, typer.Argument(help="The deviation's name, or how it begins.")],
    directory: Directory,
    time: AtTime = None,
    output: OutputOption = None,
) -> None:
    """Say that we are inside our own volume again, or gone."""
    client = values.node(directory)
    over_at = None if time is None else values.moment("--time", time)
    ours = meant(client, "deviation", deviation_id, owner=client.get("status")["party"])
    done(values.tell(client, "deviations", "over", deviation_id=ours, over_at=over_at), output)


def list_deviations(directory: Directory, output: OutputOption = None) -> None:
    """List what parties reported of themselves."""
    deviations = values.node(directory).get("claims", "deviations")
    if answered(output, deviations, (view["deviation"]["deviation_id"] for view in deviations)):
        return
    headings = [words(f"claims.heading.{name}") for name in ("deviation", "to", "time", "place", "intent", "state")]
    rows = []
    for view in deviations:
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


COMMANDS = {"deviation": {"report": report, "over": over, "list": list_deviations}}
