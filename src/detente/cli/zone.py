"""detente zone: propose, counter, accept, refuse, move, release and show temporary zones, through the running node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.airspace_files import volume_of_file
from detente.cli.claims_values import area, band, node, times
from detente.cli.names import any_party, found, peer_named
from detente.cli.options import (
    AirspaceOption,
    Centre,
    Directory,
    FileOption,
    GroundElevationOption,
    Heights,
    InsistedFormat,
    OnlyPeer,
    OutputOption,
    Owner,
    Post,
    Radius,
    Reason,
    ToPeer,
    Vertices,
    WindowOption,
    lowered,
)
from detente.cli.output import answered, show_table
from detente.cli.quantities import HORIZONTAL_UNITS_M, quantity
from detente.cli.wording import echo, language, say, words
from detente.language import figures

if TYPE_CHECKING:
    from detente.zones.terms import ZoneTerms

Zone = Annotated[str, typer.Argument(help="The zone's id, chosen by whoever proposes it first, or how it begins.")]
VersionOption = Annotated[
    str, typer.Option("--version", help="The version, or how it begins; the one that waits unless said.")
]
MeaningOption = Annotated[
    str | None,
    typer.Option(
        callback=lowered,
        help="our_aircraft_here, keep_out, call_before_entering, closed_to_all or nothing_of_ours_here.",
    ),
]
ContactAt = Annotated[str | None, typer.Option(help="A ring around it where contact has to be made: its radius.")]
HoldOutside = Annotated[str | None, typer.Option(help="A ring to hold outside while there is no contact: its radius.")]


def propose(
    zone: Zone, directory: Directory, peer: ToPeer, meaning: MeaningOption, heights: Heights = None,
    window: WindowOption = None, centre: Centre = None, radius: Radius = None, vertices: Vertices = None,
    file: FileOption = None, airspace: AirspaceOption = None, ground_elevation: GroundElevationOption = None,
    insisted: InsistedFormat = None, contact_at: ContactAt = None, hold_outside: HoldOutside = None,
    owner: Owner = None, post: Post = "watch", output: OutputOption = None,
) -> None:  # fmt: skip
    """Propose a zone. It holds once the other side accepts; until then nothing changes."""
    talks = _Talks(directory, peer, post, output)
    if file is None:
        given = _given(meaning, area(centre, radius, vertices), heights, window, contact_at, hold_outside)
        missing = next((name for name, key in _NEEDED.items() if key not in given), None)
        if missing is not None:
            raise Refusal("cli.area_heights_window", missing, None)
    else:
        place = volume_of_file(file, airspace, window, ground_elevation, insisted)
        # The window has said which time of the file is asked about.
        typed_in = _given(meaning, area(centre, radius, vertices), heights, None, contact_at, hold_outside)
        given = {**place, **typed_in}
    whose = any_party(directory, owner) or talks.client.get("status")["party"]
    talks.propose(zone, {**given, "owner": whose})


_NEEDED = {"--centre": "area", "--heights": "altitude", "--window": "time"}


def counter(
    zone: Zone, directory: Directory, peer: ToPeer, meaning: MeaningOption = None, centre: Centre = None,
    radius: Radius = None, vertices: Vertices = None, heights: Heights = None, window: WindowOption = None,
    contact_at: ContactAt = None, hold_outside: HoldOutside = None, owner: Owner = None, version: VersionOption = "",
    post: Post = "watch", output: OutputOption = None,
) -> None:  # fmt: skip
    """Answer a proposal with other terms: say what is to differ from it."""
    talks = _Talks(directory, peer, post, output)
    name = talks.zone(zone)
    pending = [one for one in talks.view(name)["pending"] if one["version"].startswith(version.lower())]
    if not pending:
        raise Refusal("cli.proposal_waits_for_answer", "zone", zone)
    given = _given(meaning, area(centre, radius, vertices), heights, window, contact_at, hold_outside)
    if owner is not None:
        given["owner"] = any_party(directory, owner)
    talks.propose(name, {**pending[-1]["terms"], **given}, answers=pending[-1]["version"])


def move(
    zone: Zone, directory: Directory, peer: ToPeer, meaning: MeaningOption = None, centre: Centre = None,
    radius: Radius = None, vertices: Vertices = None, heights: Heights = None, window: WindowOption = None,
    contact_at: ContactAt = None, hold_outside: HoldOutside = None, owner: Owner = None, post: Post = "watch",
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Propose to move or change an agreed zone: say what is to differ. It stays where it is until that is accepted."""
    talks = _Talks(directory, peer, post, output)
    name = talks.zone(zone)
    agreed = talks.view(name)["agreed"]
    if agreed is None:
        raise Refusal("cli.agreed_zone", "zone", zone)
    given = _given(meaning, area(centre, radius, vertices), heights, window, contact_at, hold_outside)
    if owner is not None:
        given["owner"] = any_party(directory, owner)
    talks.propose(name, {**agreed, **given})


def accept(
    zone: Zone, directory: Directory, peer: ToPeer, version: VersionOption = "", post: Post = "watch",
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Agree to the terms that wait for our answer: the zone counts as notified on both sides from now on."""
    _Talks(directory, peer, post, output).answer(zone, "accept", version=version.lower())


def refuse(
    zone: Zone, directory: Directory, peer: ToPeer, reason: Reason, version: VersionOption = "", post: Post = "watch",
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Do not agree to the terms that wait for our answer, or take our own proposal back."""
    _Talks(directory, peer, post, output).answer(zone, "refuse", version=version.lower(), reason=reason)


def release(
    zone: Zone,
    directory: Directory,
    peer: ToPeer,
    reason: Reason,
    post: Post = "watch",
    output: OutputOption = None,
) -> None:
    """Release a zone, alone, at once and for good."""
    _Talks(directory, peer, post, output).answer(zone, "release", reason=reason)


def list_zones(directory: Directory, peer: OnlyPeer = None, output: OutputOption = None) -> None:
    """List the zones with every party, where each stands, and what waits for whom."""
    zones = node(directory).get("zones", peer=None if peer is None else peer_named(directory, peer))
    if answered(output, zones, (view["zone_id"] for view in zones)):
        return
    rows = []
    for view in zones:
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


def show(zone: Zone, directory: Directory, peer: ToPeer, output: OutputOption = None) -> None:
    """Show a zone's terms, who said what of it and when, and which plans enter it."""
    talks = _Talks(directory, peer, "", output)
    view = talks.view(talks.zone(zone))
    if answered(output, view, [view["zone_id"]]):
        return
    _stands(view)
    for version in view["record"]["versions"]:
        for proposal in version["proposals"]:
            say("zone.said.proposed", at=proposal["at"], party=proposal["party"], by=proposal["by"],
                version=version["version"])  # fmt: skip
        echo(f"  {terms_text(version['terms'])}")
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

    parts = [terms["owner"], words(f"zone.meaning.{terms['meaning']}"), where_and_when(terms)]
    for key, field in (("ring_contact", "contact_at_m"), ("ring_hold", "hold_outside_m")):
        if terms.get(field) is not None:
            parts.append(words(f"claims.{key}", radius=figures.distance(language(), float(terms[field]))))
    return "; ".join(parts)


def _given(
    meaning: str | None, place: dict[str, Any] | None, heights: str | None, window: str | None,
    contact_at: str | None, hold_outside: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Return the terms that were typed, as the HTTP API takes them."""

    def metres(field: str, text: str | None) -> float | None:
        return None if text is None else quantity(text, HORIZONTAL_UNITS_M, field)

    given = {
        "meaning": meaning, "area": place, "altitude": None if heights is None else band(heights),
        "time": None if window is None else times(window), "contact_at_m": metres("--contact-at", contact_at),
        "hold_outside_m": metres("--hold-outside", hold_outside),
    }  # fmt: skip
    return {name: one for name, one in given.items() if one is not None}


def _checked(terms: dict[str, Any]) -> dict[str, Any]:
    """Return terms as the HTTP API takes them; raises Refusal naming what is missing or wrong."""
    import msgspec

    from detente.room.decoding import refusal_of
    from detente.zones.terms import ZoneTerms

    try:
        read: ZoneTerms = msgspec.convert(terms, ZoneTerms)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "zone") from None
    checked: dict[str, Any] = msgspec.to_builtins(read)
    return checked


class _Talks:
    """What a post says to a party about zones, through the running node."""

    def __init__(self, directory: Path, peer: str, post: str, output: bool | None) -> None:  # noqa: FBT001
        self.client = node(directory)
        self._peer = peer_named(directory, peer)
        self._post = post
        self._output = output

    def zone(self, typed: str) -> str:
        """Return the id of the zone that is meant."""
        return found(self.client, "zone", typed, peer=self._peer)

    def view(self, zone: str) -> dict[str, Any]:
        """Return how a zone stands."""
        view: dict[str, Any] = self.client.get("zones", self._peer, zone)
        return view

    def propose(self, zone: str, terms: dict[str, Any], **more: str) -> None:
        """Propose terms for a zone."""
        self._say({"peer": self._peer, "zone_id": zone, "terms": _checked(terms), **more})

    def answer(self, zone: str, action: str, **body: str) -> None:
        """Answer what was proposed for a zone, or release it."""
        self._say(body, self._peer, self.zone(zone), action)

    def _say(self, body: dict[str, Any], *route: str) -> None:
        said = {**body, "by": found(self.client, "post", self._post)}
        answer = self.client.post("zones", *route, body=json.dumps(said).encode())
        if not answered(self._output, answer, [answer["zone"]["zone_id"]]):
            _stands(answer["zone"])


def _stands(view: dict[str, Any]) -> None:
    say("zone.stands", zone=view["zone_id"], peer=view["peer"], standing=words(f"zone.standing.{view['standing']}"))


COMMANDS = {
    "zone": {
        "propose": propose, "counter": counter, "move": move, "accept": accept, "refuse": refuse,
        "release": release, "list": list_zones, "show": show,
    }
}  # fmt: skip
