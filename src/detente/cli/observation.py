"""detente observe, detente observation: what was seen, by us and by others, and what explains it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import altitude_text, as_json, place_text, shown_time, side_by_side, word
from detente.cli.plan import Directory, Output, OutputOption, done
from detente.cli.wording import say, words


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("observe")(observe)
    group = typer.Typer(help="Observations: list, send.", no_args_is_help=True)
    group.command("list")(list_observations)
    group.command("send")(send)
    app.add_typer(group, name="observation")


def observe(
    directory: Directory,
    at: Annotated[str, typer.Option("--at", help="Where: 35.33,40.14, degrees north and east.")],
    within: Annotated[str, typer.Option(help="How far it may have been from there: 500m, 1NM.")],
    height: Annotated[str, typer.Option(help='How high: "10000ft MSL", FL100.')],
    height_within: Annotated[str, typer.Option(help="How far above or below: 300ft, 100m.")],
    time: Annotated[str, typer.Option(help="When, UTC: 2025-06-01T14:30Z.")],
    time_within: Annotated[str, typer.Option(help="How much earlier or later: 5s.")],
    evidence: Annotated[str, typer.Option(help="A file to show for it, of which only the SHA-256 is kept, or that.")],
    name: values.Name = None,
    send_to: Annotated[list[str] | None, typer.Option(help="Who is told; nobody unless said.")] = None,
) -> None:
    """Keep what we saw, with its uncertainty. Nobody is told unless --send-to says who."""
    from detente.cli.quantities import HORIZONTAL_UNITS_M, TIME_UNITS_S, VERTICAL_UNITS_M, quantity

    observation_id = values.name_of(name, "o")
    values.tell(
        directory, "observations", observation_id=observation_id, position=values.position(at),
        horizontal_error_m=quantity(within, HORIZONTAL_UNITS_M, "--within"), altitude=values.altitude(height),
        vertical_error_m=quantity(height_within, VERTICAL_UNITS_M, "--height-within"),
        time=values.moment("--time", time), time_error_s=quantity(time_within, TIME_UNITS_S, "--time-within"),
        evidence_sha256=values.hashes([evidence])[0], share_with=send_to,
    )  # fmt: skip
    say("claims.kept", name=observation_id, told=", ".join(send_to or []) or "-")
    party = values.ask(directory, "observations")
    seen = next(o for o in party if o["observation"]["observation_id"] == observation_id)
    say("claims.explained", by=", ".join(seen["explained_by"])) if seen["explained_by"] else say("claims.undeclared")


def list_observations(
    directory: Directory,
    *,
    undeclared: Annotated[bool, typer.Option("--undeclared", help="Only what nothing that we know explains.")] = False,
    party: Annotated[str | None, typer.Option(help="Only what this party saw.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List observations, what explains each, and each side's verdicts."""
    found = values.ask(directory, "observations", undeclared=str(undeclared).lower(), party=party)
    if output is Output.JSON:
        as_json(found)
        return
    headings = [words(f"claims.heading.{name}") for name in ("observation", "time", "place", "explained", "verdicts")]
    side_by_side(headings, [_row(view) for view in found])


def send(
    observation_id: Annotated[str, typer.Argument(help="The observation's name.")],
    directory: Directory,
    to: values.Peer,
) -> None:
    """Tell a party one of our observations, with our verdicts."""
    done(values.tell(directory, "observations", observation_id, "share", peer=to))


def _row(view: dict[str, Any]) -> list[str]:
    seen = view["observation"]
    verdicts = [
        f"{row['party']} {row['notice_id']}: "
        + ", ".join(f"{party} {word('verdict', verdict)}" for party, verdict in sorted(row["verdicts"].items()))
        for row in view["verdicts"]
    ]
    place = f"{place_text(seen['position'])}\n{altitude_text(seen['altitude'])}"
    explained = "\n".join(view["explained_by"]) or words("claims.nothing")
    name = f"{seen['party']} {seen['observation_id']}"
    return [name, shown_time(seen["time"]), place, explained, "\n".join(verdicts) or "-"]
