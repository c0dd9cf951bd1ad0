"""detente zone: propose, counter, accept, refuse, move, release and show temporary zones, through the running node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.plan import Directory, Output, OutputOption, show_table
from detente.cli.wording import say, words

if TYPE_CHECKING:
    from detente.zones.terms import ZoneTerms

Zone = Annotated[str, typer.Argument(help="The zone's id, chosen by whoever proposes it first.")]
Peer = Annotated[str, typer.Option("--peer", help="The other party.")]
Post = Annotated[str, typer.Option("--by", help="The post that acts: a role, never a person.")]
Reason = Annotated[str, typer.Option(help="Why, in one line that the other party reads too.")]
Version = Annotated[
    str, typer.Option("--version", help="The version, or how it begins; the one that waits unless said.")
]
Owner = Annotated[str | None, typer.Option("--owner", help="Whose zone it is; ours unless said.")]
Meaning = Annotated[
    str | None,
    typer.Option(help="our_aircraft_here, keep_out, call_before_entering, closed_to_all or nothing_of_ours_here."),
]
Where = Annotated[str | None, typer.Option(help="Its centre: degrees north and east, like 34.0,20.0.")]
Radius = Annotated[str | None, typer.Option(help="Its radius with its unit, like 5NM or 9km.")]
Vertices = Annotated[str | None, typer.Option(help='Instead of a circle: "34,20 34,21 35,20".')]
Heights = Annotated[str | None, typer.Option(help='Its heights, like "0..6000m MSL" or FL100..FL200.')]
Window = Annotated[str | None, typer.Option(help="When it holds, in UTC, like 2025-06-01T14:30Z/2025-06-01T15:00Z.")]
ContactAt = Annotated[str | None, typer.Option(help="A ring around it where contact has to be made: its radius.")]
HoldOutside = Annotated[str | None, typer.Option(help="A ring to hold outside while there is no contact: its radius.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Temporary zones: propose, counter, accept, refuse, move, release.", no_args_is_help=True)
    for name, function in (
        ("propose", propose), ("counter", counter), ("move", move), ("accept", accept), ("refuse", refuse),
        ("release", release), ("list", list_zones), ("show", show),
    ):  # fmt: skip
        group.command(name)(function)
    app.add_typer(group, name="zone")


def propose(
    zone: Zone, directory: Directory, peer: Peer, meaning: Meaning, heights: Heights, window: Window,
    where: Where = None, radius: Radius = None, vertices: Vertices = None, contact_at: ContactAt = None,
    hold_outside: HoldOutside = None, owner: Owner = None, by: Post = "watch",
) -> None:  # fmt: skip
    """Propose a zone. It holds once the other side accepts; until then nothing changes."""
    given = _given(owner, meaning, where, radius, vertices, heights, window, contact_at, hold_outside)
    given.setdefault("owner", _client(directory).get("status")["party"])
    _propose(directory, {"peer": peer, "zone_id": zone, "terms": _checked(given), "by": by})


def counter(
    zone: Zone, directory: Directory, peer: Peer, meaning: Meaning = None, where: Where = None, radius: Radius = None,
    vertices: Vertices = None, heights: Heights = None, window: Window = None, contact_at: ContactAt = None,
    hold_outside: HoldOutside = None, owner: Owner = None, version: Version = "", by: Post = "watch",
) -> None:  # fmt: skip
    """Answer a proposal with other terms: say what is to differ from it."""
    from detente.airspace.refusal import Refusal

    pending = [
        one for one in _client(directory).get("zones", peer, zone)["pending"] if one["version"].startswith(version)
    ]
    if not pending:
        raise Refusal("zone", zone, "a proposal that waits for an answer", "See: detente zone list.")
    given = _given(owner, meaning, where, radius, vertices, heights, window, contact_at, hold_outside)
    terms = _checked({**pending[-1]["terms"], **given})
    answers = pending[-1]["version"]
    _propose(directory, {"peer": peer, "zone_id": zone, "terms": terms, "by": by, "answers": answers})


def move(
    zone: Zone, directory: Directory, peer: Peer, meaning: Meaning = None, where: Where = None, radius: Radius = None,
    vertices: Vertices = None, heights: Heights = None, window: Window = None, contact_at: ContactAt = None,
    hold_outside: HoldOutside = None, owner: Owner = None, by: Post = "watch",
) -> None:  # fmt: skip
    """Propose to move or change an agreed zone: say what is to differ. It stays where it is until that is accepted."""
    from detente.airspace.refusal import Refusal

    agreed = _client(directory).get("zones", peer, zone)["agreed"]
    if agreed is None:
        raise Refusal("zone", zone, "an agreed zone", "See: detente zone list.")
    given = _given(owner, meaning, where, radius, vertices, heights, window, contact_at, hold_outside)
    _propose(directory, {"peer": peer, "zone_id": zone, "terms": _checked({**agreed, **given}), "by": by})


def accept(zone: Zone, directory: Directory, peer: Peer, version: Version = "", by: Post = "watch") -> None:
    """Agree to the terms that wait for our answer: the zone counts as notified on both sides from now on."""
    _answer(directory, peer, zone, "accept", {"by": by, "version": version})


def refuse(
    zone: Zone, directory: Directory, peer: Peer, reason: Reason, version: Version = "", by: Post = "watch"
) -> None:
    """Do not agree to the terms that wait for our answer, or take our own proposal back."""
    _answer(directory, peer, zone, "refuse", {"by": by, "version": version, "reason": reason})


def release(zone: Zone, directory: Directory, peer: Peer, reason: Reason, by: Post = "watch") -> None:
    """Release a zone, alone, at once and for good."""
    _answer(directory, peer, zone, "release", {"by": by, "reason": reason})


def list_zones(
    directory: Directory,
    peer: Annotated[str | None, typer.Option("--peer", help="Only zones with this party.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the zones with every party, where each stands, and what waits for whom."""
    found = _client(directory).get("zones", peer=peer)
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = []
    for view in found:
        terms = view["agreed"] or view["record"]["versions"][-1]["terms"]
        waits = [f"{one['waits_for']}: {', '.join(one['called'])}" for one in view["pending"]]
        rows.append(
            (
                view["zone_id"], view["peer"], words(f"zone.standing.{view['standing']}"),
                words(f"zone.meaning.{terms['meaning']}"), terms["owner"], terms["time"]["start"], terms["time"]["end"],
                "; ".join(waits), str(len(view["entering"])),
            )
        )  # fmt: skip
    headings = ("zone", "party", "state", "meaning", "owner", "start", "end", "waits_for", "entering")
    show_table(headings, tuple(rows))


def show(zone: Zone, directory: Directory, peer: Peer) -> None:
    """Show a zone's terms, who said what of it and when, and which plans enter it."""
    view = _client(directory).get("zones", peer, zone)
    _stands(view)
    for version in view["record"]["versions"]:
        for proposal in version["proposals"]:
            say("zone.said.proposed", at=proposal["at"], party=proposal["party"], by=proposal["by"],
                version=version["version"])  # fmt: skip
        typer.echo(f"  {terms_text(version['terms'])}")
        for word in version["words"]:
            said = "accepted" if word["agrees"] else "refused"
            if word["agrees"] and any(p["party"] == word["party"] for p in version["proposals"]):
                continue
            say(f"zone.said.{said}", at=word["at"], party=word["party"], by=word["by"], version=version["version"],
                reason=word["reason"])  # fmt: skip
    for fact in view["record"]["releases"]:
        say("zone.said.released", at=fact["at"], party=fact["party"], by=fact["by"], reason=fact["reason"])
    for one in view["pending"]:
        say("zone.waits", party=one["waits_for"], posts=", ".join(one["called"]), overdue=f"{one['overdue_s']:.0f}")
    for plan in view["entering"]:
        say("zone.enters", party=plan["party"], plan=plan["plan_id"], notice=plan["notice_id"], start=plan["start"],
            end=plan["end"])  # fmt: skip


def terms_text(terms: dict[str, Any]) -> str:
    """Return the terms of a zone, as the HTTP API gives them, on one line: distances and heights in both units."""
    from detente.cli.claims_output import where_and_when
    from detente.cli.wording import language
    from detente.language import figures

    parts = [terms["owner"], words(f"zone.meaning.{terms['meaning']}"), where_and_when(terms)]
    for key, field in (("ring_contact", "contact_at_m"), ("ring_hold", "hold_outside_m")):
        if terms.get(field) is not None:
            parts.append(words(f"claims.{key}", radius=figures.distance(language(), float(terms[field]))))
    return "; ".join(parts)


def _given(
    owner: str | None, meaning: str | None, where: str | None, radius: str | None, vertices: str | None,
    heights: str | None, window: str | None, contact_at: str | None, hold_outside: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Return the terms that were typed, as the HTTP API takes them."""
    import msgspec

    from detente.airspace.plan import Circle, Polygon
    from detente.airspace.refusal import Refusal
    from detente.cli.line_values import value
    from detente.line.parameters import Block, Length, Place, Window

    def metres(field: str, text: str) -> float:
        length = value(field, "length", text)
        assert isinstance(length, Length)
        return length.metres

    def position(text: str) -> Any:  # noqa: ANN401
        place = value("--where", "place", text)
        assert isinstance(place, Place)
        return place.position

    given: dict[str, Any] = {"owner": owner, "meaning": meaning}
    if vertices is not None:
        if where is not None or radius is not None:
            raise Refusal("--vertices", vertices, "either a circle or vertices")
        given["area"] = Polygon(tuple(position(text) for text in vertices.split()))
    elif where is not None or radius is not None:
        if where is None or radius is None:
            raise Refusal("--where", where, "a centre and a radius", "Give both.")
        given["area"] = Circle(position(where), metres("--radius", radius))
    if heights is not None:
        block = value("--heights", "block", heights)
        assert isinstance(block, Block)
        given["altitude"] = block.band
    if window is not None:
        moments = value("--window", "window", window)
        assert isinstance(moments, Window)
        given["time"] = moments.window
    given["contact_at_m"] = None if contact_at is None else metres("--contact-at", contact_at)
    given["hold_outside_m"] = None if hold_outside is None else metres("--hold-outside", hold_outside)
    typed: dict[str, Any] = msgspec.to_builtins({name: one for name, one in given.items() if one is not None})
    return typed


def _checked(terms: dict[str, Any]) -> dict[str, Any]:
    """Return terms as the HTTP API takes them; raises Refusal naming what is missing or wrong."""
    import msgspec

    from detente.accord.decoding import refusal_of
    from detente.zones.terms import ZoneTerms

    try:
        read: ZoneTerms = msgspec.convert(terms, ZoneTerms)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "zone") from None
    checked: dict[str, Any] = msgspec.to_builtins(read)
    return checked


def _propose(directory: Path, body: dict[str, Any]) -> None:
    _stands(_client(directory).post("zones", body=json.dumps(body).encode())["zone"])


def _answer(directory: Path, peer: str, zone: str, action: str, body: dict[str, str]) -> None:
    _stands(_client(directory).post("zones", peer, zone, action, body=json.dumps(body).encode())["zone"])


def _stands(view: dict[str, Any]) -> None:
    say("zone.stands", zone=view["zone_id"], peer=view["peer"], standing=words(f"zone.standing.{view['standing']}"))


def _client(directory: Path) -> Any:  # noqa: ANN401 - imported when it is needed
    from detente.api.client import NodeClient

    return NodeClient(directory)
