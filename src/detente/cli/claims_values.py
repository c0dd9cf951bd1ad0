"""What people type about claims: areas, evidence, names; and the requests that come of it."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

Peer = Annotated[str, typer.Option("--to", help="The party it is for.")]
From = Annotated[str, typer.Option("--from", help="The party that asked or reported.")]
Name = Annotated[str | None, typer.Option("--id", help="Its name; made from the time unless said.")]
Words = Annotated[str | None, typer.Option("--words", help="Own words, if the accord has free_text; not agreed text.")]
Evidence = Annotated[
    list[str] | None,
    typer.Option(help="A file to show for it, which stays here: only its SHA-256 is told; or a SHA-256 itself."),
]
Centre = Annotated[str | None, typer.Option(help="The middle of a circle: 35.33,40.14.")]
Radius = Annotated[str | None, typer.Option(help="Its radius, with the unit: 9km, 5NM.")]
Block = Annotated[str | None, typer.Option(help='Heights: "3000..4000ft MSL", FL100..FL120.')]
Window = Annotated[str | None, typer.Option(help="UTC: 2025-06-01T14:30Z/2025-06-01T15:00Z.")]


def volume(centre: str | None, radius: str | None, block: str | None, window: str | None) -> dict[str, Any] | None:
    """Return a circle in a height band and a window as the HTTP API takes it, or None when nothing was typed.

    Raises Refusal naming what is missing or can be read in two ways.
    """
    from detente.airspace.refusal import Refusal
    from detente.cli.line_values import value
    from detente.cli.quantities import HORIZONTAL_UNITS_M, quantity

    typed = {"--centre": centre, "--radius": radius, "--block": block, "--window": window}
    if not any(typed.values()):
        return None
    for option, text in typed.items():
        if text is None:
            raise Refusal(option, None, "all of --centre, --radius, --block and --window", "No area without its time.")
    return {
        "area": {
            "kind": "circle",
            "centre": _plain(value("--centre", "place", centre or ""))["position"],
            "radius_m": quantity(radius or "", HORIZONTAL_UNITS_M, "--radius"),
        },
        "altitude": _plain(value("--block", "block", block or ""))["band"],
        "time": _plain(value("--window", "window", window or ""))["window"],
    }


def needed(found: dict[str, Any] | None) -> dict[str, Any]:
    """Return a volume that must be there; raises Refusal."""
    from detente.airspace.refusal import Refusal

    if found is None:
        raise Refusal("--centre", None, "--centre, --radius, --block and --window", "Say where and when.")
    return found


def position(text: str) -> Any:  # noqa: ANN401 - plain data
    """Return a position as the HTTP API takes it."""
    from detente.cli.line_values import value

    return _plain(value("--at", "place", text))["position"]


def altitude(text: str) -> Any:  # noqa: ANN401 - plain data
    """Return an altitude as the HTTP API takes it."""
    from detente.cli.line_values import value

    return _plain(value("--height", "height", text))["altitude"]


def moment(option: str, text: str) -> str:
    """Return a time in UTC as the HTTP API takes it."""
    from detente.cli.line_values import value

    return str(_plain(value(option, "moment", text))["time"])


def hashes(evidence: list[str] | None) -> list[str]:
    """Return the SHA-256 of each file, or what was typed where it is a SHA-256 itself."""
    from detente.airspace.refusal import Refusal

    found = []
    for text in evidence or []:
        if len(text) == 64 and all(character in "0123456789abcdef" for character in text):
            found.append(text)
            continue
        try:
            with Path(text).open("rb") as stream:
                found.append(hashlib.file_digest(stream, "sha256").hexdigest())
        except OSError as error:
            expected = "a file that can be read, or a SHA-256 as 64 hexadecimal digits"
            raise Refusal("--evidence", text, expected, f"{error.strerror}.") from None
    return found


def name_of(given: str | None, letter: str) -> str:
    """Return the name that was given or, with the letter of its kind, one that tells nothing but the time."""
    return given or f"{letter}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def ask(directory: Path, *route: str, **query: object) -> Any:  # noqa: ANN401 - whatever the route answers
    """GET a route of claims from the node of a directory."""
    from detente.api.client import NodeClient

    return NodeClient(directory).get("claims", *route, **query)


def tell(directory: Path, *route: str, **body: object) -> Any:  # noqa: ANN401 - whatever the route answers
    """POST to a route of claims what was typed; what was not typed is left out."""
    from detente.api.client import NodeClient

    said = {key: value for key, value in body.items() if value is not None and value != []}
    return NodeClient(directory).post("claims", *route, body=json.dumps(said).encode())


def _plain(value: Any) -> Any:  # noqa: ANN401 - a value of the line
    import msgspec

    return msgspec.to_builtins(value)
