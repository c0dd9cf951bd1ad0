"""Airspace and digital NOTAMs as AIXM 5.1: each airspace becomes a plan, of its areas, limits and activations.

A temporary time slice (TEMPDELTA) is an airspace of its own: with the geometry that it has, else that of the permanent
one in the same file, else the circle and limits of the NOTAM text that its event carries. Where areas are subtracted or
intersected, the whole is read, which is larger, and counted.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from detente.airspace.altitude import AltitudeBand, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.plan import Circle, Polygon, TimeWindow
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceGatherer, AirspaceOptions, Airspaces
from detente.feeds.aixm_elements import (
    HREF,
    NAMESPACES,
    References,
    check_known,
    child_text,
    is_nil,
    only_child,
)
from detente.feeds.aixm_geometry import areas_of, corridor_of
from detente.feeds.aixm_times import activation_windows, validity_of
from detente.feeds.daily_hours import joined
from detente.feeds.dropped import DropReason
from detente.feeds.notam import area_of_q_line
from detente.feeds.notam_items import band as band_of_notam
from detente.feeds.outlines import corners
from detente.feeds.source import Within, decimal_number, printable_line
from detente.feeds.vertical_limits import (
    SURFACE,
    UNLIMITED,
    VerticalLimit,
    above_ground,
    above_sea,
    band_between,
    flight_level,
)
from detente.feeds.xml_tree import SEPARATOR, Element, parse_xml

ACTIVE = frozenset({"ACTIVE", "IN_USE", "INTMT", "LIMITED", "AVBL_FOR_ACTIVATION"})
NOT_ACTIVE = frozenset({"INACTIVE"})
WHOLE_OPERATIONS = frozenset({"BASE", "UNION", ""})
SMALLER_OPERATIONS = frozenset({"SUBTR", "INTERS"})
MOST_REFERENCES = 20
MOST_BORROWED = 3_000
"""Airspaces that take from one another may ask for the same ones again and again."""

LENGTHS = {"FT": AltitudeUnit.FOOT, "M": AltitudeUnit.METRE}
Validity = tuple[datetime | None, datetime | None]


class AirspaceOutline(NamedTuple):
    """An area between two limits."""

    area: Circle | Polygon
    lower: VerticalLimit
    upper: VerticalLimit


class _Slice(NamedTuple):
    feature: Element
    element: Element
    interpretation: str


def read_aixm(content: bytes, options: AirspaceOptions) -> Airspaces:
    """Return the airspaces of an AIXM message; raises Refusal naming line, airspace and element."""
    root = parse_xml(content, NAMESPACES)
    if root.name != "AIXMBasicMessage":
        raise Refusal(
            "feeds_airspace.element_of_aixm", f"line {root.line}", printable_line(root.name.rpartition(SEPARATOR)[2])
        )
    return _Reader(root, options).read(root)


class _Reader:
    def __init__(self, root: Element, options: AirspaceOptions) -> None:
        self.references = References(root)
        self.gatherer = AirspaceGatherer(options)
        self.borrowed = 0

    def read(self, root: Element) -> Airspaces:
        """Read every member: airspaces, events that are read with them, and what is about something else."""
        for member in root.children:
            if member.name != "hasMember":
                if member.name not in {"boundedBy", "name", "description", "sequenceNumber", "messageMetadata"}:
                    raise Refusal(
                        "feeds.known_element", f"line {member.line}: {printable_line(member.name)}", "in the message"
                    )
                continue
            if HREF in member.attributes:
                raise Refusal(
                    "feeds_airspace.reference_within_file",
                    f"line {member.line}: hasMember",
                    printable_line(member.attributes[HREF]),
                )
            for feature in member.children:
                if feature.name == "Airspace":
                    self._airspace(feature)
                elif feature.name != "Event":
                    self.gatherer.dropped[DropReason.OTHER_FEATURE] += 1
        return self.gatherer.gathered()

    def _airspace(self, feature: Element) -> None:
        with Within(f"line {feature.line}: Airspace"):
            check_known(feature)
            slices = _latest(feature)
        for one in slices:
            name = _name(one)
            with Within(f"line {one.element.line}: {one.interpretation} of {printable_line(repr(name[:40]))}"):
                if one.interpretation not in {"BASELINE", "SNAPSHOT", "TEMPDELTA"}:
                    raise Refusal(
                        "feeds_airspace.interpretation_of_slice", "interpretation", printable_line(one.interpretation)
                    )
                valid = validity_of(one.element)
                if valid is None:
                    self.gatherer.dropped[DropReason.DELETED] += 1
                    continue
                outlines = self._outlines(one)
                if not outlines:
                    self.gatherer.dropped[DropReason.NO_AREA] += 1
                    continue
                self._add(one, name, outlines, valid)

    def _add(self, one: _Slice, name: str, outlines: list[AirspaceOutline], valid: Validity) -> None:
        """Add the airspace at the times of its activations, at all of its validity where it has none."""
        places = tuple(place for outline in outlines for place in corners(outline.area))
        activations = [
            only_child(found, frozenset({"AirspaceActivation"}))
            for found in one.element.all("activation")
            if found.children
        ]
        if not activations:
            windows = self.gatherer.asked_about(*valid, "validTime")
            self.gatherer.add(name, [(o.area, band_between(o.lower, o.upper, "upperLimit")) for o in outlines], windows)
            return
        active = False
        by_layers: dict[tuple[tuple[Circle | Polygon, AltitudeBand], ...], list[TimeWindow]] = {}
        for activation in activations:
            check_known(activation)
            status = child_text(activation, "status")
            if status in NOT_ACTIVE:
                continue
            if status not in ACTIVE | {""}:
                raise Refusal(
                    "feeds_airspace.status_of_airspace", f"line {activation.line}: status", printable_line(status)
                )
            active = True
            parts = tuple(part for outline in outlines for part in self._layers(activation, outline))
            by_layers.setdefault(parts, []).extend(activation_windows(activation, self.gatherer, valid, places))
        if not active:
            self.gatherer.dropped[DropReason.INACTIVE] += 1
            return
        for parts, times in by_layers.items():
            self.gatherer.add(name, parts, joined(times))

    def _layers(self, activation: Element, outline: AirspaceOutline) -> list[tuple[Circle | Polygon, AltitudeBand]]:
        """The outline between the levels of an activation; FLOOR and CEILING are the airspace's own."""
        layers = [only_child(one, frozenset({"AirspaceLayer"})) for one in activation.all("levels") if one.children]
        found = []
        for layer in layers:
            check_known(layer)
            if child_text(layer, "discreteLevelSeries"):
                raise Refusal("feeds.known_element", f"line {layer.line}: discreteLevelSeries", "in AirspaceLayer")
            lower, upper = (
                self._limit(layer, f"{end}Limit", outline) or getattr(outline, end) for end in ("lower", "upper")
            )
            found.append((outline.area, band_between(lower, upper, "upperLimit")))
        return found or [(outline.area, band_between(outline.lower, outline.upper, "upperLimit"))]

    def _outlines(self, one: _Slice) -> list[AirspaceOutline]:
        own = self._components(one.element, frozenset())
        if own or one.interpretation != "TEMPDELTA":
            return own
        for other in _latest(one.feature):
            if other.interpretation in {"BASELINE", "SNAPSHOT"} and (
                found := self._components(other.element, frozenset())
            ):
                return found
        return self._of_notam(one)

    def _of_notam(self, one: _Slice) -> list[AirspaceOutline]:
        """The circle and the limits of the NOTAM that the slice's event carries."""
        for extension in one.element.all("extension"):
            for inner in extension.children:
                link = inner.child("theEvent")
                if inner.name != "AirspaceExtension" or link is None:
                    raise Refusal(
                        "feeds.known_element", f"line {inner.line}: {printable_line(inner.name)}", "in extension"
                    )
                for notam in _descendants(self.references.to(link), "NOTAM"):
                    with Within(f"line {notam.line}: NOTAM"):
                        area = area_of_q_line(
                            f"{child_text(notam, 'coordinates')}{child_text(notam, 'radius').zfill(3)}", "coordinates"
                        )
                        lower, upper = child_text(notam, "lowerLimit"), child_text(notam, "upperLimit")
                        if not lower or not upper:
                            lower, upper = (
                                f"FL{child_text(notam, f'{end}FL').zfill(3)}" for end in ("minimum", "maximum")
                            )
                        band = band_of_notam(lower, upper, self.gatherer.options.ground)
                    limits = (VerticalLimit(a.value, a.unit, a.reference) for a in (band.lower, band.upper))
                    return [AirspaceOutline(area, *limits)]
        raise Refusal("feeds_airspace.geometry_within_file", "geometryComponent", None)

    def _components(self, element: Element, seen: frozenset[int]) -> list[AirspaceOutline]:
        """The outlines of all geometry components of a time slice."""
        found = []
        for component in element.all("geometryComponent"):
            inner = only_child(component, frozenset({"AirspaceGeometryComponent"}))
            check_known(inner)
            operation = child_text(inner, "operation")
            if operation in SMALLER_OPERATIONS:
                self.gatherer.dropped[DropReason.SUBTRACTED] += 1
                continue
            if operation not in WHOLE_OPERATIONS:
                raise Refusal(
                    "feeds_airspace.operation_of_geometry", f"line {inner.line}: operation", printable_line(operation)
                )
            volume = only_child(only_child(inner, frozenset({"theAirspaceVolume"})), frozenset({"AirspaceVolume"}))
            with Within(f"line {volume.line}: AirspaceVolume"):
                found += self._volume(volume, seen)
        return found

    def _volume(self, volume: Element, seen: frozenset[int]) -> list[AirspaceOutline]:
        check_known(volume)
        self.borrowed += bool(seen)
        if self.borrowed > MOST_BORROWED:
            raise Refusal("feeds_airspace.at_most_borrowed", "contributorAirspace", self.borrowed, most=MOST_BORROWED)
        lowers = [one for n in ("lowerLimit", "minimumLimit") if (one := self._limit(volume, n, None)) is not None]
        uppers = [one for n in ("upperLimit", "maximumLimit") if (one := self._limit(volume, n, None)) is not None]
        projection, centreline, width = (volume.child(n) for n in ("horizontalProjection", "centreline", "width"))
        areas: list[Circle | Polygon] = []
        if projection is not None:
            areas += areas_of(projection, self.references)
        if centreline is not None:
            if width is None:
                raise Refusal("feeds_airspace.one_element_of", "width", 0, names="width")
            areas += corridor_of(centreline, width, self.references)
        if areas and not (lowers and uppers):
            raise Refusal("feeds_airspace.limits_of_volume", "lowerLimit" if not lowers else "upperLimit", None)
        found = [AirspaceOutline(area, lower, upper) for area in areas for lower in lowers for upper in uppers]
        for contributor in volume.all("contributorAirspace"):
            dependency, borrowed = self._borrowed(contributor, seen)
            if dependency == "FULL_GEOMETRY":
                found += borrowed
            else:
                # The other's limits are not its own; where it has none it reaches all the way.
                found += [
                    AirspaceOutline(one.area, lower, upper)
                    for one in borrowed
                    for lower in lowers or [SURFACE]
                    for upper in uppers or [UNLIMITED]
                ]
        return found

    def _borrowed(self, contributor: Element, seen: frozenset[int]) -> tuple[str, list[AirspaceOutline]]:
        """How a volume depends on another airspace of the file, and the outlines of that one."""
        inner = only_child(contributor, frozenset({"AirspaceVolumeDependency"}))
        check_known(inner)
        dependency = child_text(inner, "dependency")
        if dependency not in {"FULL_GEOMETRY", "HORZ_PROJECTION"}:
            raise Refusal(
                "feeds_airspace.dependency_of_volume", f"line {inner.line}: dependency", printable_line(dependency)
            )
        target = self.references.to(only_child(inner, frozenset({"theAirspace"})))
        if target.line in seen or len(seen) >= MOST_REFERENCES or target.name != "Airspace":
            raise Refusal(
                "feeds_airspace.reference_within_file", f"line {inner.line}: theAirspace", printable_line(target.name)
            )
        for one in _latest(target):
            permanent = one.interpretation in {"BASELINE", "SNAPSHOT"}
            if permanent and (found := self._components(one.element, seen | {target.line})):
                return dependency, found
        raise Refusal("feeds_airspace.geometry_within_file", f"line {inner.line}: theAirspace", None)

    def _limit(self, element: Element, name: str, own: AirspaceOutline | None) -> VerticalLimit | None:
        """A limit, None where there is none; FLOOR and CEILING are those of `own`."""
        child = element.child(name)
        if child is None or is_nil(child) or not child.text:
            return None
        field, text = f"line {child.line}: {name}", child.text
        if text in {"GND", "SFC"}:
            return SURFACE
        if text == "UNL":
            return UNLIMITED
        if text in {"FLOOR", "CEILING"} and own is not None:
            return own.lower if text == "FLOOR" else own.upper
        value = decimal_number(text, field)
        unit, reference = child.attributes.get("uom", ""), child_text(element, f"{name}Reference")
        if unit == "FL" and reference in {"STD", ""}:
            return flight_level(value)
        if unit not in LENGTHS:
            raise Refusal("feeds_airspace.unit_of_limit", f"{field}: uom", printable_line(unit))
        match reference:
            case "MSL":
                return above_sea(value, LENGTHS[unit])
            case "SFC":
                return above_ground(value, LENGTHS[unit], self.gatherer.options.ground, field, f"{text} {unit} SFC")
            case "STD":
                return VerticalLimit(value, LENGTHS[unit], StandardPressure())
            case "W84":
                return VerticalLimit(value, LENGTHS[unit], Ellipsoid())
        raise Refusal("feeds_airspace.reference_of_limit", f"{field}Reference", printable_line(reference))


def _latest(feature: Element) -> list[_Slice]:
    """The time slices of a feature; of those that correct one another the last."""
    found: dict[tuple[str, str], tuple[int, _Slice]] = {}
    for number, one in enumerate(feature.all("timeSlice")):
        element = only_child(one, frozenset({"AirspaceTimeSlice"}))
        check_known(element)
        interpretation = child_text(element, "interpretation")
        sequence = child_text(element, "sequenceNumber") or f"#{number}"
        correction = child_text(element, "correctionNumber") or "0"
        if not correction.isascii() or not correction.isdigit() or len(correction) > 9:
            raise Refusal("feeds.decimal_number", f"line {element.line}: correctionNumber", printable_line(correction))
        held = found.get((interpretation, sequence))
        if held is None or int(correction) >= held[0]:
            found[interpretation, sequence] = int(correction), _Slice(feature, element, interpretation)
    return [one for _, one in found.values()]


def _name(one: _Slice) -> str:
    """The designator or the name of the airspace, of a temporary slice perhaps that of its permanent one."""
    for other in (one, *_latest(one.feature)):
        if found := child_text(other.element, "designator") or child_text(other.element, "name"):
            return found
    return child_text(one.feature, "identifier")


def _descendants(element: Element, name: str) -> list[Element]:
    waiting, found = [element], []
    while waiting:
        one = waiting.pop()
        waiting += reversed(one.children)
        if one.name == name:
            found.append(one)
    return found
