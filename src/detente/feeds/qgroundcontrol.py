"""Missions of QGroundControl (Plan File Format, version 1): simple items, and surveys as the items they became.

The plan's home position is where it begins, its cruise or hover speed is flown where no command says another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from detente.airspace.plan import Plan
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason, dropped_in_order
from detente.feeds.missions import (
    FRAMES_HOME,
    FRAMES_MSL,
    FRAMES_TERRAIN,
    LAND,
    LOITER_TO_ALT,
    MAX_ITEMS,
    VTOL_LAND,
    WAYPOINT,
    Aircraft,
    Home,
    Kind,
    MissionItem,
    mission_trajectory,
)
from detente.feeds.routes import RouteOptions
from detente.feeds.source import Within, brief, decode_json, json_number, printable_line

UNKNOWN = float("nan")
DRONE_CLASS = "drone"

PLAN_MEMBERS = frozenset({"fileType", "version", "groundStation", "mission", "geoFence", "rallyPoints"})
MISSION_MEMBERS = frozenset(
    {"version", "firmwareType", "vehicleType", "globalPlanAltitudeMode", "cruiseSpeed", "hoverSpeed", "items",
     "plannedHomePosition"}
)  # fmt: skip
ITEM_MEMBERS = frozenset(
    {
        "type",
        "AMSLAltAboveTerrain",
        "Altitude",
        "AltitudeMode",
        "autoContinue",
        "command",
        "doJumpId",
        "frame",
        "params",
    }
)
FENCE_MEMBERS = frozenset({"version", "circles", "polygons", "polygon", "breachReturn"})
RALLY_MEMBERS = frozenset({"version", "points"})

SURVEYS = {
    "survey": frozenset(
        {"type", "complexItemType", "version", "TransectStyleComplexItem", "angle", "entryLocation",
         "flyAlternateTransects", "splitConcavePolygons", "polygon"}
    ),
    "CorridorScan": frozenset(
        {"type", "complexItemType", "version", "TransectStyleComplexItem", "CorridorWidth", "EntryPoint", "polyline"}
    ),
}  # fmt: skip
"""Complex items that carry the simple items they were made into, and what else stands in them: how they were made."""

TRANSECT_MEMBERS = frozenset(
    {"version", "CameraCalc", "CameraTriggerInTurnAround", "CameraShots", "CameraFootPrintFrontal",
     "CameraFootPrintSide", "FollowTerrain", "HoverAndCapture", "Items", "Refly90Degrees", "TurnAroundDistance",
     "VisualTransectPoints", "TerrainAdjustMaxClimbRate", "TerrainAdjustMaxDescentRate", "TerrainAdjustTolerance",
     "TerrainFlightSpeed"}
)  # fmt: skip
LANDINGS = {"fwLandingPattern": LAND, "vtolLandingPattern": VTOL_LAND}
LANDING_MEMBERS = frozenset(
    {"type", "complexItemType", "version", "altitudesAreRelative", "landCoordinate", "landingApproachCoordinate",
     "loiterClockwise", "loiterRadius", "useLoiterToAlt", "stopTakingPhotos", "stopVideoPhotos", "valueSetIsDistance"}
)  # fmt: skip
MODE_FRAMES = {1: FRAMES_HOME, 2: FRAMES_MSL, 4: FRAMES_TERRAIN}
"""The frames that go with an altitude mode: relative to home, absolute, above terrain."""

CALCULATED_ABOVE_TERRAIN = 3
"""The altitude mode in which the altitude shown is above terrain and the one flown above the sea."""

HOVERING = frozenset({2, 3, 4, 13, 14, 15, 29, 35})
CIRCLING = frozenset({1, 7, 8, 16, 17, 28})
CHANGING = frozenset(range(19, 26))
"""Kinds of vehicle (MAV_TYPE) by how they stay where they are."""


def read_qgroundcontrol(
    content: bytes, options: RouteOptions, plan_id: str
) -> tuple[tuple[Plan, ...], tuple[Dropped, ...]]:
    """Return the mission as the plan `plan_id`, and how many fences and rally points it has.

    Raises Refusal naming the member.
    """
    document = decode_json(content)
    if not isinstance(document, dict) or document.get("fileType") != "Plan":
        kind = document.get("fileType") if isinstance(document, dict) else document
        raise Refusal("routes.qgc_plan", "fileType", brief(kind))
    _check(document, PLAN_MEMBERS, "")
    if document.get("version") != 1:
        raise Refusal("routes.version_of_format", "version", brief(document.get("version")), version=1)
    mission = _object(document, "mission")
    _check(mission, MISSION_MEMBERS, "mission")
    if mission.get("version") != 2:
        raise Refusal("routes.version_of_format", "mission.version", brief(mission.get("version")), version=2)
    dropped = Counter({DropReason.FENCE: _fences(document), DropReason.RALLY_POINT: _rally_points(document)})
    with Within("mission"):
        trajectory = mission_trajectory(_home(mission), _aircraft(mission), list(_items(mission)), options)
    return (Plan(plan_id, trajectory, DRONE_CLASS),), dropped_in_order(dropped)


def _fences(document: dict[str, Any]) -> int:
    if "geoFence" not in document:
        return 0
    fence = _object(document, "geoFence")
    _check(fence, FENCE_MEMBERS, "geoFence")
    # Version 1 of a fence is one polygon.
    single = bool(_list(fence, "polygon", "geoFence."))
    return len(_list(fence, "circles", "geoFence.")) + len(_list(fence, "polygons", "geoFence.")) + single


def _rally_points(document: dict[str, Any]) -> int:
    if "rallyPoints" not in document:
        return 0
    rally = _object(document, "rallyPoints")
    _check(rally, RALLY_MEMBERS, "rallyPoints")
    return len(_list(rally, "points", "rallyPoints."))


def _home(mission: dict[str, Any]) -> Home:
    latitude_deg, longitude_deg, elevation_m = _coordinate(mission, "plannedHomePosition")
    return Home(Position(latitude_deg, longitude_deg), elevation_m)


def _aircraft(mission: dict[str, Any]) -> Aircraft:
    vehicle = mission.get("vehicleType")
    for kinds, kind in ((HOVERING, Kind.HOVERING), (CIRCLING, Kind.CIRCLING), (CHANGING, Kind.CHANGING)):
        if isinstance(vehicle, int) and not isinstance(vehicle, bool) and vehicle in kinds:
            return Aircraft(
                kind,
                json_number(mission.get("cruiseSpeed"), "cruiseSpeed"),
                json_number(mission.get("hoverSpeed"), "hoverSpeed"),
            )
    raise Refusal("routes.vehicle_that_flies", "vehicleType", brief(vehicle))


def _items(mission: dict[str, Any]) -> Iterator[MissionItem]:
    count = 0
    for number, raw in enumerate(_list(mission, "items", "")):
        place = f"items[{number}]"
        with Within(place):
            found = list(_expanded(raw, place))
        count += len(found)
        if count > MAX_ITEMS:
            raise Refusal("routes.at_most_items", "items", count, most=MAX_ITEMS)
        yield from found


def _expanded(raw: object, place: str) -> Iterator[MissionItem]:
    if not isinstance(raw, dict):
        raise Refusal("feeds.json_object", "", brief(raw))
    if raw.get("type") == "SimpleItem":
        yield _simple(raw, place)
        return
    kind = raw.get("complexItemType")
    if raw.get("type") != "ComplexItem" or not isinstance(kind, str) or kind not in {*SURVEYS, *LANDINGS}:
        raise Refusal("routes.kind_of_item", "complexItemType" if raw.get("type") == "ComplexItem" else "type",
                      brief(kind if raw.get("type") == "ComplexItem" else raw.get("type")))  # fmt: skip
    if kind in LANDINGS:
        yield from _landing(raw, LANDINGS[kind], place)
        return
    _check(raw, SURVEYS[kind], "")
    transects = _object(raw, "TransectStyleComplexItem")
    _check(transects, TRANSECT_MEMBERS, "TransectStyleComplexItem")
    if "Items" not in transects:
        raise Refusal("routes.survey_with_items", "TransectStyleComplexItem.Items", None)
    for number, item in enumerate(_list(transects, "Items", "TransectStyleComplexItem.")):
        inner = f"TransectStyleComplexItem.Items[{number}]"
        with Within(inner):
            if not isinstance(item, dict) or item.get("type") != "SimpleItem":
                raise Refusal(
                    "routes.kind_of_item", "type", brief(item.get("type") if isinstance(item, dict) else item)
                )
            yield _simple(item, f"{place}: {inner}")


def _simple(raw: dict[str, Any], place: str) -> MissionItem:
    _check(raw, ITEM_MEMBERS, "")
    command, frame = _whole(raw, "command"), _whole(raw, "frame")
    params = raw.get("params")
    if not isinstance(params, list) or len(params) != 7:
        raise Refusal("routes.seven_params", "params", brief(params))
    numbers = tuple(
        UNKNOWN if value is None else json_number(value, f"params[{at}]") for at, value in enumerate(params)
    )
    if raw.get("autoContinue", True) is not True:
        raise Refusal("routes.goes_on_by_itself", "autoContinue", brief(raw["autoContinue"]))
    shown, mode = raw.get("Altitude"), raw.get("AltitudeMode")
    if mode is not None:
        frames = MODE_FRAMES.get(_whole(raw, "AltitudeMode"))
        if frames is not None and frame not in frames:
            raise Refusal("routes.frame_of_mode", "AltitudeMode", mode, frame=frame)
    if shown is not None and mode != CALCULATED_ABOVE_TERRAIN:
        shown_m = json_number(shown, "Altitude")
        if not abs(shown_m - numbers[6]) <= 0.01:
            raise Refusal("routes.one_altitude_of_item", "Altitude", shown_m, flown=numbers[6])
    return MissionItem(place, command, frame, numbers)


def _landing(raw: dict[str, Any], command: int, place: str) -> Iterator[MissionItem]:
    _check(raw, LANDING_MEMBERS, "")
    if raw.get("version") != 2:
        raise Refusal("routes.version_of_format", "version", brief(raw.get("version")), version=2)
    relative, circles = raw.get("altitudesAreRelative"), raw.get("useLoiterToAlt")
    for field, value in (("altitudesAreRelative", relative), ("useLoiterToAlt", circles)):
        if not isinstance(value, bool):
            raise Refusal("feeds.true_or_false", field, brief(value))
    frame = 3 if relative else 0
    approach = _coordinate(raw, "landingApproachCoordinate")
    if circles:
        radius_m = json_number(raw.get("loiterRadius"), "loiterRadius")
        yield MissionItem(place, LOITER_TO_ALT, frame, (1.0, radius_m, 0.0, 1.0, *approach))
    else:
        yield MissionItem(place, WAYPOINT, frame, (0.0, 0.0, 0.0, UNKNOWN, *approach))
    yield MissionItem(place, command, frame, (0.0, 0.0, 0.0, UNKNOWN, *_coordinate(raw, "landCoordinate")))


def _coordinate(holder: dict[str, Any], name: str) -> tuple[float, float, float]:
    raw = holder.get(name)
    if not isinstance(raw, list) or len(raw) != 3:
        raise Refusal("routes.latitude_longitude_altitude", name, brief(raw))
    latitude_deg, longitude_deg, altitude_m = (json_number(value, name) for value in raw)
    return latitude_deg, longitude_deg, altitude_m


def _whole(holder: dict[str, Any], name: str) -> int:
    value = holder.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal("routes.whole_number", name, brief(value))
    return value


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise Refusal("feeds.json_object", name, brief(value))
    return value


def _list(holder: dict[str, Any], name: str, place: str) -> list[Any]:
    value = holder.get(name, [])
    if not isinstance(value, list):
        raise Refusal("routes.json_list", f"{place}{name}", brief(value))
    return value


def _check(found: dict[str, Any], known: frozenset[str], place: str) -> None:
    """Refuse the first member that nobody reads."""
    unknown = next((name for name in found if name not in known), None)
    if unknown is not None:
        shown = printable_line(f"{place}.{unknown}" if place else unknown)
        raise Refusal("routes.member_of_format", shown, brief(found[unknown]), known=", ".join(sorted(known)))
