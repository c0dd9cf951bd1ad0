"""The options that commands share, each defined once: one word for one thing on the whole command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from detente.airspace.refusal import Refusal

DIRECTORY_VARIABLE = "DETENTE_DIR"


def own_directory() -> Path:
    """Return the node's directory where none was said: DETENTE_DIR, or the current one when it is a node's."""
    named = os.environ.get(DIRECTORY_VARIABLE, "")
    if named:
        return Path(named)
    if Path("node.key").is_file() and Path("detente.toml").is_file():
        return Path()
    raise Refusal("cli.node_directory", "--dir", None, directory_variable=DIRECTORY_VARIABLE)


def lowered(text: str | None) -> str | None:
    """Return one of several fixed words, such as a meaning, as it is written: it may be typed in any case."""
    return text if text is None else text.lower()


Directory = Annotated[
    Path,
    typer.Option(
        "--dir",
        default_factory=own_directory,
        show_default=False,
        help="The node's directory; DETENTE_DIR or the current one unless said.",
    ),
]

OutputOption = Annotated[
    bool | None,
    typer.Option("--json/--quiet", help="One JSON document, or only names and ids; text to read unless said."),
]
"""How a command says what it made or found: JSON (true), only names (false), or text."""

# Who.
ToPeer = Annotated[str, typer.Option("--peer", help="The other party.")]
StopPeer = Annotated[str | None, typer.Option("--peer", help="One party; everybody unless said.")]
OnlyPeer = Annotated[str | None, typer.Option("--peer", help="Only with this party.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Whose it is; ours unless said.")]
OnlyOwner = Annotated[str | None, typer.Option("--owner", help="Only those of this party.")]
Post = Annotated[str, typer.Option("--post", help="The post that acts: a role, never a person.")]
Screen = Annotated[
    str | None, typer.Option("--post", help="The post whose screen this is: it says that it shows the messages.")
]
Person = Annotated[str, typer.Option("--person", help="The person on the other end: a role, never a name.")]

# Where and when.
Centre = Annotated[str | None, typer.Option("--centre", help="The middle of a circle, degrees: 35.33,40.14.")]
Radius = Annotated[str | None, typer.Option("--radius", help="Its radius, with the unit: 9km, 5NM.")]
Vertices = Annotated[str | None, typer.Option("--vertices", help='Instead of a circle: "34,20 34,21 35,20".')]
Heights = Annotated[str | None, typer.Option("--heights", help='From and to: "3000..4000ft MSL", FL100..FL120.')]
WindowOption = Annotated[
    str | None, typer.Option("--window", help="From and to, UTC: 2025-06-01T14:30Z/2025-06-01T15:00Z.")
]
AtTime = Annotated[str | None, typer.Option("--time", help="When, UTC: 2025-06-01T14:30Z; now unless said.")]

# What.
Name = Annotated[str | None, typer.Option("--id", help="Its name; made from the time unless said.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in one line that the other party reads too.")]
OwnWords = Annotated[
    str | None, typer.Option("--words", help="Own words, if the accord has free_text; not agreed text.")
]
Evidence = Annotated[
    list[str] | None,
    typer.Option(
        "--evidence", help="A file to show for it, which stays here: only its SHA-256 is told; or a SHA-256 itself."
    ),
]
Tongue = Annotated[
    str | None, typer.Option("--language", callback=lowered, help="en, fr, ru or ar; yours unless said.")
]
NewFile = Annotated[Path | None, typer.Option("--out", help="The new file; standard output unless said.")]

# What a plan file does not say itself.
InsistedFormat = Annotated[
    str | None, typer.Option("--as", help='Read a file as this format, whatever it looks like; of two: "kml,igc".')
]
UtcOffset = Annotated[
    str | None, typer.Option("--utc-offset", help='Offset from UTC of times that carry none, such as "+02:00".')
]
GroundElevationOption = Annotated[
    str | None,
    typer.Option("--ground-elevation", help='Elevation of the ground for heights above it, such as "616m".'),
]
PathContainment = Annotated[
    str | None,
    typer.Option(
        "--containment",
        help="Containment of KML paths and of routes, which carry none, and the least of flown tracks: sideways, "
        'vertical, time, "100m,30m,10s".',
    ),
]
RouteStart = Annotated[
    str | None,
    typer.Option(
        "--start", help='When a route without times begins, UTC: 2025-06-01T14:30Z; of two files: "ours,theirs".'
    ),
]
RouteSpeed = Annotated[
    str | None, typer.Option("--speed", help="Speed over ground of a route without one: 120kt, 200km/h, 15m/s.")
]
Climb = Annotated[
    str | None, typer.Option("--climb", help="Least rate of climb and descent along a route: 500ft/min, 2m/s.")
]
RouteHeight = Annotated[
    str | None, typer.Option("--height", help='How high a route without heights is flown: "3000ft MSL", FL100.')
]
AreaHeights = Annotated[
    str | None, typer.Option("--heights", help="From and to of areas without heights: FL100..FL120.")
]
PointsFile = Annotated[
    Path | None, typer.Option("--points", help="The named points of routes: CSV with name, latitude, longitude.")
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="A file of airspace instead: AIXM, ED-269, ED-318, OpenAir, NOTAMs, control orders."),
]
AirspaceOption = Annotated[
    str | None, typer.Option("--airspace", help="Which airspace of the file, or how its name begins.")
]
