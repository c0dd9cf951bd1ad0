"""detente observe, detente observation: what was seen, by us and by others, and what explains it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.cli import claims_values as values
from detente.cli.claims_output import altitude_text, place_text, shown_time, side_by_side, word
from detente.cli.names import any_party, peer_named
from detente.cli.names import found as meant
from detente.cli.options import Directory, Name, OnlyOwner, OutputOption, ToPeer
from detente.cli.output import answered, done
from detente.cli.quantities import HORIZONTAL_UNITS_M, TIME_UNITS_S, VERTICAL_UNITS_M, quantity
from detente.cli.wording import say, words


def observe(
    directory: Directory,
    centre: Annotated[str, typer.Option("--centre", help="Where: 35.33,40.14, degrees north and east.")],
    radius: Annotated[str, typer.Option("--radius", help="How far it may have been from there: 500m, 1NM.")],
    height: Annotated[str, typer.Option("--height", help='How high: "10000ft MSL", FL100.')],
    height_within: Annotated[str, typer.Option(help="How far above or below: 300ft, 100m.")],
    time: Annotated[str, typer.Option("--time", help="When, UTC: 2025-06-01T14:30Z.")],
    time_within: Annotated[str, typer.Option(help="How much earlier or later: 5s.")],
    evidence: Annotated[str, typer.Option(help="A file to show for it, of which only the SHA-256 is kept, or that.")],
    name: Name = None,
    peers: Annotated[
        list[str] | None, typer.Option("--peer", help="Who is told; nobody unless said; again for more.")
    ] = None,
    output: OutputOption = None,
) -> None:
    """Keep what we saw, with its uncertainty. Nobody is told unless --peer says who."""
    observation_id = values.name_of(name, "o")
    told = [peer_named(directory, peer) for peer in peers or []]
    client = values.node(directory)
    values.tell(
        client, "observations", observation_id=observation_id, position=values.position(centre),
        horizontal_error_m=quantity(radius, HORIZONTAL_UNITS_M, "--radius"), altitude=values.altitude(height),
        vertical_error_m=quantity(height_within, VERTICAL_UNITS_M, "--height-within"),
        time=values.moment("--time", time), time_error_s=quantity(time_within, TIME_UNITS_S, "--time-within"),
        evidence_sha256=values.hashes([evidence])[0], share_with=told,
    )  # fmt: skip
    known = client.get("claims", "observations")
    seen = next(o for o in known if o["observation"]["observation_id"] == observation_id)
    if answered(output, seen, [observation_id]):
        return
    say("claims.kept", name=observation_id, told=", ".join(told) or "-")
    say("claims.explained", by=", ".join(seen["explained_by"])) if seen["explained_by"] else say("claims.undeclared")


def list_observations(
    directory: Directory,
    *,
    undeclared: Annotated[bool, typer.Option("--undeclared", help="Only what nothing that we know explains.")] = False,
    owner: OnlyOwner = None,
    output: OutputOption = None,
) -> None:
    """List observations, what explains each, and each side's verdicts."""
    party = any_party(directory, owner)
    observations = values.node(directory).get("claims", "observations", undeclared=str(undeclared).lower(), party=party)
    if answered(output, observations, (view["observation"]["observation_id"] for view in observations)):
        return
    headings = [words(f"claims.heading.{name}") for name in ("observation", "time", "place", "explained", "verdicts")]
    side_by_side(headings, [_row(view) for view in observations])


def send(
    observation_id: Annotated[str, typer.Argument(help="The observation's name, or how it begins.")],
    directory: Directory,
    peer: ToPeer,
    output: OutputOption = None,
) -> None:
    """Tell a party one of our observations, with our verdicts."""
    client = values.node(directory)
    seen = meant(client, "observation", observation_id, owner=client.get("status")["party"])
    done(values.tell(client, "observations", seen, "share", peer=peer_named(directory, peer)), output)


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


COMMANDS = {"observe": observe, "observation": {"list": list_observations, "send": send}}
