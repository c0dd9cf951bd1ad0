"""Strategies for plans and small valid files, for the tests of this room."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from detente.airspace.altitude import (
    Altitude,
    AltitudeBand,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    Qnh,
    StandardPressure,
)
from detente.airspace.plan import Circle, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position

START = datetime(2025, 6, 1, 14, 0, tzinfo=UTC)

positions = st.builds(Position, st.floats(-90, 90), st.floats(-180, 180))
references = st.one_of(
    st.just(Ellipsoid()),
    st.just(MeanSeaLevel()),
    st.just(StandardPressure()),
    st.builds(Ground, st.floats(-400, 8800), st.floats(0, 1000)),
    st.builds(Qnh, st.floats(870, 1090)),
    st.builds(Qfe, st.floats(400, 1090), st.floats(-500, 6000)),
)
EARLIEST, LATEST = datetime(1970, 1, 1), datetime(2199, 12, 31)  # noqa: DTZ001 - hypothesis adds the zone
moments = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
identifiers = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,20}", fullmatch=True)


@st.composite
def altitudes(draw, reference):
    units = [AltitudeUnit.METRE, AltitudeUnit.FOOT]
    if isinstance(reference, StandardPressure):
        units.append(AltitudeUnit.FLIGHT_LEVEL)
    unit = draw(st.sampled_from(units))
    highest = {AltitudeUnit.FLIGHT_LEVEL: 850, AltitudeUnit.FOOT: 85_000, AltitudeUnit.METRE: 25_900}[unit]
    return Altitude(draw(st.floats(-10, highest)), unit, reference)


@st.composite
def volumes(draw):
    if draw(st.booleans()):
        area = Circle(draw(positions), draw(st.floats(0, 5_000_000)))
    else:
        area = Polygon(tuple(draw(st.lists(positions, min_size=3, max_size=6, unique=True))))
    reference = draw(references)
    lower, upper = sorted(draw(st.tuples(altitudes(reference), altitudes(reference))), key=lambda a: a.reading_m)
    start = draw(moments)
    length = timedelta(seconds=draw(st.floats(0, 86_400)))
    return Volume4D(
        area, AltitudeBand(lower, upper), TimeWindow(start, min(start + length, datetime.max.replace(tzinfo=UTC)))
    )


@st.composite
def trajectories(draw):
    reference = draw(references)
    count = draw(st.integers(1, 5))
    steps = draw(st.lists(st.integers(20_000_000, 600_000_000), min_size=count, max_size=count))
    time, waypoints = draw(moments) - timedelta(days=1), []
    time = max(time, datetime(1970, 1, 1, tzinfo=UTC))
    latitude, longitude = draw(st.floats(-85, 85)), draw(st.floats(-170, 170))
    height_m = draw(st.floats(1_000, 20_000))
    for step in steps:
        time += timedelta(microseconds=step)
        latitude += draw(st.floats(-0.05, 0.05))
        longitude += draw(st.floats(-0.05, 0.05))
        # Within 20 s no aircraft goes from the ground to the stratosphere.
        metres = height_m + draw(st.floats(-2_500, 2_500))
        waypoints.append(Waypoint(Position(latitude, longitude), Altitude(metres, AltitudeUnit.METRE, reference), time))
    containment = Containment(draw(st.floats(0, 1e6)), draw(st.floats(0, 2e4)), draw(st.floats(0, 86_400)))
    legs = draw(st.lists(st.floats(0, 1), min_size=max(count - 1, 1), max_size=max(count - 1, 1)))
    of_legs = tuple(
        Containment(share * containment.lateral_m, share * containment.vertical_m, share * containment.along_time_s)
        for share in legs
    )
    return Trajectory(tuple(waypoints), containment, draw(st.sampled_from([(), of_legs])))


plan_lists = st.dictionaries(
    identifiers,
    st.tuples(
        st.one_of(trajectories(), st.lists(volumes(), min_size=1, max_size=3).map(tuple)),
        st.sampled_from(["crewed", "drone", "relief.1"]),
    ),
    max_size=4,
).map(lambda entries: tuple(Plan(name, intent, word) for name, (intent, word) in entries.items()))


def volume_feature(**changes):
    properties = {
        "kind": "volume",
        "plan_id": "RELIEF-7",
        "altitude": {
            "lower": {"value": 500, "unit": "ft", "reference": {"kind": "qnh", "pressure_hpa": 1003}},
            "upper": {"value": 3000, "unit": "ft", "reference": {"kind": "qnh", "pressure_hpa": 1003}},
        },
        "time": {"start": "2025-06-01T14:00:00Z", "end": "2025-06-01T15:30:00Z"},
    }
    ring = [[36.2, 33.4], [36.4, 33.4], [36.4, 33.6], [36.2, 33.4]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}
    return changed(feature, changes)


def trajectory_feature(**changes):
    properties = {
        "kind": "trajectory",
        "plan_id": "N104",
        "times": ["2025-06-01T14:00:00Z", "2025-06-01T14:10:00Z", "2025-06-01T14:20:00Z"],
        "altitudes": {"reference": {"kind": "standard"}, "unit": "FL", "values": [95, 110, 110]},
        "containment": {"lateral_m": 500, "vertical_m": 60, "along_time_s": 30},
    }
    line = [[36.0, 33.0], [36.5, 33.2], [37.0, 33.5]]
    feature = {"type": "Feature", "geometry": {"type": "LineString", "coordinates": line}, "properties": properties}
    return changed(feature, changes)


def changed(feature, changes):
    """Set dotted paths, given with "__" for the dot; a value of ... removes the field."""
    for path, value in changes.items():
        target, steps = feature, path.split("__")
        for step in steps[:-1]:
            target = target[int(step) if step.isdigit() else step]
        last = int(steps[-1]) if steps[-1].isdigit() else steps[-1]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return feature


def collection(*features):
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
  <Document>
    <Placemark id="zone-1">
      <name>Dropping zone</name>
      <TimeSpan><begin>2025-06-01T14:00:00Z</begin><end>2025-06-01T15:30:00Z</end></TimeSpan>
      <Polygon><extrude>1</extrude><altitudeMode>absolute</altitudeMode><outerBoundaryIs><LinearRing><coordinates>
        36.2,33.4,900 36.4,33.4,900 36.4,33.6,900 36.2,33.4,900
      </coordinates></LinearRing></outerBoundaryIs></Polygon>
    </Placemark>
    <Folder>
      <TimeSpan><begin>2025-06-01T14:00:00Z</begin><end>2025-06-01T14:30:00+00:00</end></TimeSpan>
      <Placemark>
        <name>Route north</name>
        <ExtendedData><Data name="aircraft_class"><value>drone</value></Data></ExtendedData>
        <LineString><altitudeMode>absolute</altitudeMode><coordinates>
          36.0,33.0,3000 36.5,33.2,3300 37.0,33.5,3300
        </coordinates></LineString>
      </Placemark>
    </Folder>
    <Placemark>
      <name>Flown</name>
      <gx:Track>
        <altitudeMode>absolute</altitudeMode>
        <when>2025-06-01T14:00:00Z</when><when>2025-06-01T14:10:00Z</when>
        <gx:coord>36.0 33.0 2900</gx:coord><gx:coord>36.5 33.2 3350</gx:coord>
      </gx:Track>
    </Placemark>
    <Placemark><name>Tower</name><Point><coordinates>36.3,33.5,0</coordinates></Point></Placemark>
  </Document>
</kml>
"""

CSV = """timestamp,icao24,callsign,latitude,longitude,altitude,onground,track
2025-06-01T14:00:00Z,a1b2c3,SKW123,36.50,-121.50,5000,false,90
2025-06-01T14:00:04Z,a1b2c3,SKW123,36.50,-121.49,5025,false,90
2025-06-01T14:00:08Z,a1b2c3,SKW123,36.50,-121.48,5050,false,90
2025-06-01T14:00:00Z,d4e5f6,,36.60,-121.60,,true,
2025-06-01T14:00:10Z,d4e5f6,,36.60,-121.61,300,false,270
2025-06-01T14:00:14Z,d4e5f6,,36.60,-121.62,400,false,270
"""
