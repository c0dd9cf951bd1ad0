"""Elements of AIXM 5.1 as a reader meets them: which are read, which say nothing of where and when, and references."""

from __future__ import annotations

from detente.airspace.refusal import Refusal
from detente.feeds.source import printable_line
from detente.feeds.xml_tree import SEPARATOR, Element, check_children

VERSIONS = ("5.1", "5.1.1", "5.2")
NAMESPACES = frozenset(
    {"http://www.opengis.net/gml/3.2"}
    | {f"http://www.aixm.aero/schema/{version}{part}" for version in VERSIONS for part in ("", "/message", "/event")}
)
HREF = f"http://www.w3.org/1999/xlink{SEPARATOR}href"
GML_ID = f"http://www.opengis.net/gml/3.2{SEPARATOR}id"
NIL = f"http://www.w3.org/2001/XMLSchema-instance{SEPARATOR}nil"

NOTES = frozenset(
    {
        "annotation",
        "metaDataProperty",
        "description",
        "name",
        "abstract",
        "horizontalAccuracy",
        "featureMetadata",
        "timeSliceMetadata",
    }
)
"""Words for people, and how good the data are."""

READ = {
    "Airspace": {"identifier", "timeSlice", "boundedBy"},
    "AirspaceTimeSlice": {
        "validTime", "interpretation", "sequenceNumber", "correctionNumber", "featureLifetime", "type", "designator",
        "localType", "designatorICAO", "controlType", "upperLowerSeparation", "class", "protectedRoute",
        "geometryComponent", "activation", "extension",
    },
    "AirspaceGeometryComponent": {"operation", "operationSequence", "theAirspaceVolume"},
    "AirspaceVolume": {
        "upperLimit", "upperLimitReference", "maximumLimit", "maximumLimitReference", "lowerLimit",
        "lowerLimitReference", "minimumLimit", "minimumLimitReference", "width", "horizontalProjection", "centreline",
        "contributorAirspace",
    },
    "AirspaceVolumeDependency": {"dependency", "theAirspace"},
    "AirspaceActivation": {
        "timeInterval", "activity", "status", "levels", "user", "aircraft", "specialDateAuthority", "extension",
    },
    "AirspaceLayer": {
        "upperLimit", "upperLimitReference", "lowerLimit", "lowerLimitReference", "altitudeInterpretation",
        "discreteLevelSeries",
    },
    "Timesheet": {
        "timeReference", "startDate", "endDate", "day", "dayTil", "startTime", "startEvent", "startTimeRelativeEvent",
        "startEventInterpretation", "endTime", "endEvent", "endTimeRelativeEvent", "endEventInterpretation",
        "daylightSavingAdjust", "excluded",
    },
    "Surface": {"patches", "boundedBy"},
    "ElevatedSurface": {"patches", "boundedBy", "elevation", "geoidUndulation", "verticalDatum", "verticalAccuracy"},
    "patches": {"PolygonPatch"},
    "PolygonPatch": {"exterior", "interior"},
    "exterior": {"Ring", "LinearRing"},
    "Ring": {"curveMember"},
    "LinearRing": {"posList", "pos", "pointProperty"},
    "curveMember": {"Curve", "OrientableCurve"},
    "Curve": {"segments", "boundedBy"},
    "segments": {
        "GeodesicString", "LineStringSegment", "ArcByCenterPoint", "CircleByCenterPoint", "Arc", "Geodesic",
    },
    "GeodesicString": {"posList", "pos", "pointProperty"},
    "Geodesic": {"posList", "pos", "pointProperty"},
    "LineStringSegment": {"posList", "pos", "pointProperty"},
    "Arc": {"posList", "pos", "pointProperty"},
    "ArcByCenterPoint": {"posList", "pos", "pointProperty", "radius", "startAngle", "endAngle"},
    "CircleByCenterPoint": {"posList", "pos", "pointProperty", "radius", "startAngle", "endAngle"},
}  # fmt: skip
"""The elements in which others are looked for, and those others; text and accuracy may stand in all of them."""

REPEATED = frozenset(
    {"timeSlice", "geometryComponent", "activation", "timeInterval", "levels", "contributorAirspace", "class", "user",
     "aircraft", "PolygonPatch", "curveMember", "pos", "pointProperty", "extension", "hasMember", "interior"}
) | NOTES  # fmt: skip
SEGMENTS = frozenset(READ["segments"])


def is_nil(element: Element) -> bool:
    """Whether an element says that it has no value."""
    return element.attributes.get(NIL) in {"true", "1"}


def check_known(element: Element) -> None:
    """Raise Refusal for a child that nobody reads, or for a second one of what is read once."""
    element.children = [child for child in element.children if not is_nil(child)]
    known = frozenset(READ[element.name]) | NOTES
    check_children(element, known, REPEATED | (SEGMENTS if element.name == "segments" else frozenset()))


def child_text(element: Element, name: str) -> str:
    """Return the text of a child, nothing where it has none or is nil."""
    child = element.child(name)
    return "" if child is None or is_nil(child) else child.text


def only_child(element: Element, names: frozenset[str]) -> Element:
    """Return the child of one of these names; raises Refusal where there is none, or more than one."""
    found = [child for child in element.children if child.name in names]
    if len(found) != 1:
        place = f"line {element.line}: {printable_line(element.name)}"
        raise Refusal("feeds_airspace.one_element_of", place, len(found), names=", ".join(sorted(names)))
    return found[0]


class References:
    """What a document can be pointed to by: elements by their id, features by their UUID."""

    def __init__(self, root: Element) -> None:
        self._by_id: dict[str, Element] = {}
        self._by_uuid: dict[str, Element] = {}
        waiting = [root]
        while waiting:
            element = waiting.pop()
            if identifier := element.attributes.get(GML_ID):
                self._by_id[identifier] = element
            if (named := element.child("identifier")) is not None and named.text:
                self._by_uuid[named.text.lower()] = element
            waiting += element.children

    def to(self, element: Element) -> Element:
        """Return what an element points to; raises Refusal for what is in another file."""
        href = element.attributes.get(HREF, "")
        if href.startswith("#"):
            found = self._by_id.get(href[1:])
        else:
            found = self._by_uuid.get(href.removeprefix("urn:uuid:").removeprefix("uuid.").lower())
        if found is None:
            raise Refusal(
                "feeds_airspace.reference_within_file", f"line {element.line}: {printable_line(element.name)}",
                printable_line(href),
            )  # fmt: skip
        return found
