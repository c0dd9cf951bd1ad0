"""detente export: our plans, notices and zones, and the conflicts, in the formats of other programs and offices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.claims_values import node
from detente.cli.names import any_party
from detente.cli.options import Directory, NewFile, OnlyOwner, lowered
from detente.cli.wording import write_output

if TYPE_CHECKING:
    from detente.api.client import NodeClient
    from detente.feeds.published import Published


class OutFormat(StrEnum):
    """What is written: for publication without names (notam, aixm, ed318), or with them."""

    NOTAM = "notam"
    AIXM = "aixm"
    ED318 = "ed318"
    GEOJSON = "geojson"
    KML = "kml"
    CSV = "csv"


WITHOUT_NAMES = frozenset({OutFormat.NOTAM, OutFormat.AIXM, OutFormat.ED318})
LONGEST_NAME = 64
LIVE_PLANS = frozenset({"declared", "active"})


def export(
    what: Annotated[str, typer.Argument(callback=lowered, help="plans, notices, zones or conflicts.")],
    directory: Directory,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            callback=lowered,
            help="notam, aixm or ed318: ours alone, without names or purpose; geojson, kml or csv: with them.",
        ),
    ],
    owner: OnlyOwner = None,
    region: Annotated[str, typer.Option("--fir", help="Location indicator of the FIR, for NOTAMs.")] = "ZZZZ",
    out: NewFile = None,
) -> None:
    """Write what holds now for other programs: with names for our own, without names or purpose for publication."""
    if what not in {*KINDS, "conflicts"}:
        raise Refusal("cli.what_to_export", "WHAT", what, kinds=", ".join([*KINDS, "conflicts"]))
    if to not in set(OutFormat):
        raise Refusal("cli.format_to_export", "--to", to, formats=", ".join(OutFormat))
    client = node(directory)
    chosen, ours = OutFormat(to), client.get("status")["party"]
    whose = any_party(directory, owner)
    if what == "conflicts":
        if chosen in WITHOUT_NAMES:
            raise Refusal("cli.conflicts_are_not_published", "--to", to)
        write_output([_conflicts(client, chosen, whose)], out)
        return
    if chosen in WITHOUT_NAMES:
        if whose not in {None, ours}:
            # What a party told us is not ours to publish (R49).
            raise Refusal("cli.only_ours_is_published", "--owner", owner)
        whose = ours
    found = [one for one in KINDS[what](client, ours) if whose in {None, one.said["party"]}]
    if not found:
        raise Refusal("cli.something_to_export", "WHAT", what)
    write_output([_written(found, chosen, region)], out)


def _written(found: list[Published], chosen: OutFormat, region: str) -> bytes:
    from detente.feeds import published_tables, published_zones
    from detente.feeds.published import all_volumes
    from detente.feeds.published_notam import published_notams

    match chosen:
        case OutFormat.NOTAM:
            return published_notams(all_volumes(found), region)
        case OutFormat.AIXM:
            return published_zones.published_aixm(all_volumes(found))
        case OutFormat.ED318:
            return published_zones.published_ed318(all_volumes(found))
        case OutFormat.GEOJSON:
            return published_tables.geojson_of_volumes(found)
        case OutFormat.KML:
            return published_tables.kml_of_volumes(found)
    return published_tables.csv_of_volumes(found)


def _plans(client: NodeClient, _ours: str) -> Iterator[Published]:
    from detente.airspace.plan import Plan
    from detente.feeds.published import volumes_of

    for one in client.get("plans"):
        if one["state"] in LIVE_PLANS:
            record = client.get("plans", one["party"], one["plan_id"])
            plan = _as(record["plan"], Plan)
            said = {"party": one["party"], "plan": plan.plan_id, "state": one["state"]}
            yield _published(one["party"], plan.plan_id, said, volumes_of(plan))


def _notices(client: NodeClient, _ours: str) -> Iterator[Published]:
    from detente.picture.notices import NoticeRecord, NoticeState

    for raw in client.get("notices"):
        record = _as(raw, NoticeRecord)
        if record.state is NoticeState.IN_FORCE:
            notice = record.notice
            said = {"party": notice.party, "notice": notice.notice_id, "meaning": str(notice.meaning)}
            yield _published(notice.party, notice.notice_id, said, (notice.volume,))


def _zones(client: NodeClient, _ours: str) -> Iterator[Published]:
    from detente.airspace.plan import Volume4D
    from detente.zones.terms import ZoneTerms

    for view in client.get("zones"):
        if view["agreed"] is not None and view["standing"] != "expired":
            terms = _as(view["agreed"], ZoneTerms)
            said = {"party": terms.owner, "zone": view["zone_id"], "with": view["peer"], "meaning": str(terms.meaning)}
            volumes = tuple(Volume4D(area, terms.altitude, terms.time) for _, _, area in terms.rings)
            yield _published(view["peer"], view["zone_id"], said, volumes)


KINDS: dict[str, Callable[[NodeClient, str], Iterator[Published]]] = {
    "plans": _plans,
    "notices": _notices,
    "zones": _zones,
}


def _conflicts(client: NodeClient, chosen: OutFormat, whose: str | None) -> bytes:
    from detente.feeds import published_tables

    rows = [
        row
        for record in client.get("conflicts", cleared="false")["open"]
        if whose in {None, (row := _conflict_row(record["conflict"]))["first_party"], row["second_party"]}
    ]
    if chosen is OutFormat.CSV:
        return published_tables.csv_of_rows(CONFLICT_COLUMNS, iter(rows))
    if chosen is OutFormat.KML:
        return published_tables.points_as_kml(rows, "conflict")
    return published_tables.points_as_geojson(rows)


CONFLICT_COLUMNS = (
    "conflict", "first_party", "first_plan", "second_party", "second_plan", "start", "end", "closest_time", "latitude",
    "longitude", "horizontal_m", "vertical_m", "required_horizontal_m", "required_vertical_m",
)  # fmt: skip


def _conflict_row(conflict: dict[str, Any]) -> dict[str, Any]:
    encounter, first, second = conflict["encounter"], conflict["first"], conflict["second"]
    at = encounter["closest_first_position"]
    values = (
        conflict["conflict_id"], first["party"], first["plan_id"], second["party"], second["plan_id"],
        encounter["start"], encounter["end"], encounter["closest_first_time"], at["latitude_deg"], at["longitude_deg"],
        encounter["horizontal_m"], encounter["vertical_m"], encounter["required_horizontal_m"],
        encounter["required_vertical_m"],
    )  # fmt: skip
    return dict(zip(CONFLICT_COLUMNS, values, strict=True))


def _published(party: str, name: str, said: dict[str, str], volumes: Any) -> Published:  # noqa: ANN401 - volumes
    """What goes out, under a name that no other party's has."""
    from detente.feeds.published import Published

    full = f"{party}:{name}"
    if len(full) > LONGEST_NAME:
        full = f"{full[: LONGEST_NAME - 9]}~{hashlib.sha256(full.encode()).hexdigest()[:8]}"
    return Published(full, said, volumes)


def _as(raw: object, kind: Any) -> Any:  # noqa: ANN401 - a Struct of the kind
    import msgspec

    return msgspec.convert(raw, kind)


COMMANDS = {"export": export}
