"""What people type about claims: areas, evidence, names; and the requests that come of it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detente.airspace.refusal import Refusal
from detente.cli.option_group import with_group
from detente.cli.options import Centre, Heights, Radius, Vertices, WindowOption
from detente.cli.quantities import HORIZONTAL_UNITS_M, quantity

if TYPE_CHECKING:
    from detente.api.client import NodeClient

TypedVolume = dict[str, Any] | None
"""An area in a height band and a window, as the options of `with_volume` say it and the HTTP API takes it."""
_VOLUME_OPTIONS = {"centre": Centre, "radius": Radius, "vertices": Vertices, "heights": Heights, "window": WindowOption}


def with_volume(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where and when, in place of its parameter `volume`."""
    return with_group(command, "volume", _VOLUME_OPTIONS, volume)


def node(directory: Path) -> NodeClient:
    """Return a client of the running node of a directory."""
    from detente.api.client import NodeClient

    return NodeClient(directory)


def area(centre: str | None, radius: str | None, vertices: str | None) -> dict[str, Any] | None:
    """Return a circle or a polygon as the HTTP API takes it, or None when neither was typed."""
    if vertices is not None:
        if centre is not None or radius is not None:
            raise Refusal("cli.either_circle_or_vertices", "--vertices", vertices)
        corners = [_value("--vertices", "place", corner)["position"] for corner in vertices.split()]
        return {"kind": "polygon", "vertices": corners}
    if centre is None and radius is None:
        return None
    if centre is None or radius is None:
        raise Refusal("cli.centre_and_radius", "--centre" if centre is None else "--radius", None)
    middle = _value("--centre", "place", centre)["position"]
    return {"kind": "circle", "centre": middle, "radius_m": quantity(radius, HORIZONTAL_UNITS_M, "--radius")}


def volume(
    centre: str | None, radius: str | None, vertices: str | None, heights: str | None, window: str | None
) -> TypedVolume:
    """Return an area in a height band and a window as the HTTP API takes it, or None when nothing was typed.

    Raises Refusal naming what is missing or can be read in two ways.
    """
    place = area(centre, radius, vertices)
    if place is None and heights is None and window is None:
        return None
    for option, given in (("--centre", place), ("--heights", heights), ("--window", window)):
        if given is None:
            raise Refusal("cli.area_heights_window", option, None)
    return {"area": place, "altitude": band(heights or ""), "time": times(window or "")}


def needed(found: TypedVolume) -> dict[str, Any]:
    """Return a volume that must be there; raises Refusal."""
    if found is None:
        raise Refusal("cli.centre_radius_heights_window", "--centre", None)
    return found


def band(heights: str) -> Any:  # noqa: ANN401 - plain data
    """Return a height band as the HTTP API takes it."""
    return _value("--heights", "block", heights)["band"]


def times(window: str) -> Any:  # noqa: ANN401 - plain data
    """Return a window as the HTTP API takes it."""
    return _value("--window", "window", window)["window"]


def position(text: str, option: str = "--centre") -> Any:  # noqa: ANN401 - plain data
    """Return a position as the HTTP API takes it."""
    return _value(option, "place", text)["position"]


def altitude(text: str) -> Any:  # noqa: ANN401 - plain data
    """Return an altitude as the HTTP API takes it."""
    return _value("--height", "height", text)["altitude"]


def moment(option: str, text: str) -> str:
    """Return a time in UTC as the HTTP API takes it."""
    return str(_value(option, "moment", text)["time"])


def hashes(evidence: list[str] | None) -> list[str]:
    """Return the SHA-256 of each file, or what was typed where it is a SHA-256 itself."""
    found = []
    for text in evidence or []:
        if len(text) == 64 and all(character in "0123456789abcdef" for character in text):
            found.append(text)
            continue
        try:
            with Path(text).open("rb") as stream:
                found.append(hashlib.file_digest(stream, "sha256").hexdigest())
        except OSError as error:
            raise Refusal("cli.evidence", "--evidence", text, strerror=error.strerror or str(error)) from None
    return found


def name_of(given: str | None, letter: str) -> str:
    """Return the name that was given or, with the letter of its kind, one that tells nothing but the time."""
    return given or f"{letter}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def tell(client: NodeClient, *route: str, **body: object) -> Any:  # noqa: ANN401 - whatever the route answers
    """POST to a route of claims what was typed; what was not typed is left out."""
    said = {key: value for key, value in body.items() if value is not None and value != []}
    return client.post("claims", *route, body=json.dumps(said).encode())


def _value(option: str, kind: str, text: str) -> Any:  # noqa: ANN401 - a value of the line, as plain data
    import msgspec

    from detente.cli.line_values import value

    return msgspec.to_builtins(value(option, kind, text))
