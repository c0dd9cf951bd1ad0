"""KML: what it says is taken, what it leaves open is asked for, and nothing in it is fetched or expanded."""

from datetime import UTC, datetime, timedelta

import pytest
from feed_samples import KML, START

from detente.airspace.altitude import Altitude, AltitudeUnit, Ground, MeanSeaLevel
from detente.airspace.plan import Containment, Polygon
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason
from detente.feeds.kml import NOMINAL_PATH, KmlOptions, read_kml


def replaced(old: str, new: str, count: int = 1) -> bytes:
    assert old in KML
    return KML.replace(old, new, count).encode()


def test_polygons_paths_and_tracks_become_plans_and_points_are_counted():
    plans, dropped = read_kml(KML.encode())
    assert [plan.plan_id for plan in plans] == ["zone-1", "Route-north", "Flown"]
    assert [plan.aircraft_class for plan in plans] == ["crewed", "drone", "crewed"]
    assert dropped == (Dropped(DropReason.POINT, 1),)


def test_an_extruded_polygon_reaches_from_below_all_ground_to_its_highest_vertex():
    (volume,) = read_kml(replaced("36.4,33.4,900", "36.4,33.4,950"))[0][0].intent
    assert volume.area == Polygon((Position(33.4, 36.2), Position(33.4, 36.4), Position(33.6, 36.4)))
    assert volume.altitude.lower.reading_m == -500.0
    assert volume.altitude.upper == Altitude(950.0, AltitudeUnit.METRE, MeanSeaLevel())
    assert (volume.time.start, volume.time.end) == (START, START + timedelta(minutes=90))


def test_a_path_may_be_anywhere_along_itself_at_any_time_of_the_span_it_inherits():
    plan = read_kml(KML.encode())[0][1]
    end, slack = START + timedelta(minutes=30), timedelta(seconds=plan.intent.containment.along_time_s)
    for waypoint in plan.intent.waypoints:
        assert waypoint.time - slack <= START
        assert waypoint.time + slack >= end
    assert plan.time.start >= START - NOMINAL_PATH
    assert plan.time.end <= end + NOMINAL_PATH
    assert plan.intent.waypoints[1].position == Position(33.2, 36.5)


def test_a_track_keeps_its_times_and_takes_the_containment_it_is_given():
    contained = Containment(200.0, 50.0, 10.0)
    track = read_kml(KML.encode(), KmlOptions(containment=contained))[0][2].intent
    assert track.containment == contained
    assert [waypoint.time for waypoint in track.waypoints] == [START, START + timedelta(minutes=10)]
    assert track.waypoints[1].altitude == Altitude(3350.0, AltitudeUnit.METRE, MeanSeaLevel())


def test_altitudes_above_ground_take_the_elevation_they_are_given():
    content = replaced("<altitudeMode>absolute<", "<altitudeMode>relativeToGround<")
    (volume,) = read_kml(content, KmlOptions(ground_elevation_m=616.0, ground_elevation_error_m=40.0))[0][0].intent
    assert volume.altitude.lower == Altitude(0.0, AltitudeUnit.METRE, Ground(616.0, 40.0))
    with pytest.raises(Refusal, match="elevation of the ground"):
        read_kml(content)


def test_parts_of_a_multitrack_and_equal_names_become_plans_of_their_own():
    second = "<gx:Track><when>2025-06-01T16:00:00Z</when><gx:coord>36 33 2900</gx:coord></gx:Track>"
    content = KML.replace("<gx:Track>", "<gx:MultiTrack><altitudeMode>absolute</altitudeMode><gx:Track>")
    content = content.replace("</gx:Track>", f"</gx:Track>{second}</gx:MultiTrack>")
    plans, _ = read_kml(content.replace("Route north", "Flown").encode())
    assert [plan.plan_id for plan in plans] == ["zone-1", "Flown", "Flown~2", "Flown~3"]
    assert plans[3].time.start == datetime(2025, 6, 1, 16, tzinfo=UTC)


def test_a_name_in_another_script_still_makes_an_identifier():
    plans, _ = read_kml(replaced("Route north", "Маршрут север"))
    assert plans[1].plan_id == "placemark-2"


def test_other_encodings_and_byte_order_marks_that_xml_knows_are_read():
    assert read_kml(b"\xef\xbb\xbf" + KML.encode()) == read_kml(KML.encode())
    latin = KML.replace("UTF-8", "ISO-8859-1").replace("Route north", "Route été")
    assert read_kml(latin.encode("latin-1"))[0][1].plan_id == "Route-t"


def test_a_position_that_only_repeats_the_one_before_it_is_harmless():
    ring = replaced("36.4,33.4,900", "36.4,33.4,900 36.4,33.4,900")
    line = replaced("36.5,33.2,3300", "36.5,33.2,3300 36.5,33.2,3300")
    assert read_kml(ring) == read_kml(line) == read_kml(KML.encode())


def test_how_a_file_looks_and_who_made_it_says_nothing_of_airspace():
    made = '<a:author xmlns:a="http://www.w3.org/2005/Atom"><a:name>R</a:name></a:author>'
    styles = "<Style><PolyStyle/></Style><gx:CascadingStyle><Style/></gx:CascadingStyle>"
    drawn = f"{styles}<LookAt><gx:TimeStamp/></LookAt><Region/>{made}"
    assert read_kml(replaced("<Folder>", f"<Folder>{drawn}")) == read_kml(KML.encode())


LAUGHS = '<!DOCTYPE kml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><kml>&b;</kml>'
FETCH = '<!DOCTYPE kml SYSTEM "file:///etc/passwd"><kml/>'

REFUSED = {
    "entities": (LAUGHS.encode(), ["line 1", "DOCTYPE"]),
    "external document type": (FETCH.encode(), ["line 1", "DOCTYPE"]),
    "too deep": (b"<kml>" + b"<Folder>" * 100_000, ["64 levels"]),
    "empty": (b"", ["line 1", "no element found"]),
    "cut off": (KML.encode()[:900], ["line ", "well-formed"]),
    "not KML": (b"<gpx/>", ["gpx", "kml"]),
    "unknown encoding": (replaced("UTF-8", "EBCDIC-9"), ["unknown encoding"]),
    "bad UTF-8": (KML.encode().replace(b"north", b"n\xff\xferth"), ["line ", "not well-formed"]),
    "clamped to ground": (
        replaced("<altitudeMode>absolute</altitudeMode>", ""),
        ["placemark 'Dropping zone'", "clampToGround", "no altitude"],
    ),
    "sea floor": (replaced(">absolute<", ">relativeToSeaFloor<"), ["relativeToSeaFloor"]),
    "not extruded": (replaced("<extrude>1</extrude>", ""), ["extrude", "None", "GeoJSON"]),
    "no span": (replaced("<begin>2025-06-01T14:00:00Z</begin>", ""), ["TimeSpan: begin", "''"]),
    "an instant for an area": (
        replaced("<TimeSpan><begin>2025-06-01T14:00:00Z</begin><end>2025-06-01T15:30:00Z</end></TimeSpan>",
                 "<TimeStamp><when>2025-06-01T14:00:00Z</when></TimeStamp>"),
        ["placemark 'Dropping zone'", "TimeStamp", "begin and end"],
    ),
    "a month": (replaced("2025-06-01T15:30:00Z", "2025-06"), ["end", "2025-06", "2025-06-01T14:30:00Z"]),
    "a local time": (replaced("<when>2025-06-01T14:00:00Z<", "<when>2025-06-01T14:00:00<"), ["when", "offset"]),
    "latitude and longitude swapped": (replaced("36.4,33.4,900", "33.4,136.4,900"), ["136.4", "swapped"]),
    "blank after comma": (replaced("36.5,33.2,3300", "36.5, 33.2, 3300"), ["coordinates[1]", "no blank"]),
    "degrees and minutes": (replaced("36.5,33.2,3300", "36:30N,33.2,3300"), ["36:30N", "decimal"]),
    "NaN": (replaced("36.5,33.2,3300", "36.5,33.2,nan"), ["altitude", "'nan'"]),
    "no altitude": (replaced("36.5,33.2,3300", "36.5,33.2"), ["altitude with every position"]),
    "huge": (replaced("36.5,33.2,3300", "36.5,33.2,1e99"), ["1e+99", "100,000 m"]),
    "beyond numbers": (replaced("36.5,33.2,3300", "36.5,33.2," + "9" * 390), ["ordinary size"]),
    "one place for a path": (
        replaced("36.5,33.2,3300", "36.0,33.0,3300"), ["coordinates[1]", "Drop the repetition"],
    ),
    "hole": (replaced("</outerBoundaryIs>", "</outerBoundaryIs><innerBoundaryIs/>"), ["innerBoundaryIs", "hole"]),
    "ring not closed": (replaced("36.2,33.4,900\n", "36.2,33.5,900\n"), ["Close the ring"]),
    "times and positions differ": (replaced("<when>2025-06-01T14:10:00Z</when>", ""), ["1 times", "2 positions"]),
    "faster than any aircraft": (replaced("2025-06-01T14:10:00Z", "2025-06-01T14:00:05Z"), ["waypoints[1]", "m/s"]),
    "plans elsewhere": (replaced("<Folder>", "<Folder><NetworkLink/>"), ["NetworkLink", "Save what the link shows"]),
    "a second ring": (
        replaced("</LinearRing>", "</LinearRing><LinearRing><coordinates>1,2,3</coordinates></LinearRing>"),
        ["placemark 'Dropping zone'", "LinearRing", "a second one in outerBoundaryIs"],
    ),
    "a second boundary": (
        replaced("</outerBoundaryIs>", "</outerBoundaryIs><outerBoundaryIs/>"), ["outerBoundaryIs", "a second one"],
    ),
    "second coordinates": (
        replaced("</coordinates></LineString>", "</coordinates><coordinates>1,2,3</coordinates></LineString>"),
        ["placemark 'Route north'", "coordinates", "a second one in LineString"],
    ),
    "a second span": (replaced("</TimeSpan>", "</TimeSpan><TimeSpan/>"), ["TimeSpan", "a second one"]),
    "a placemark of a schema's own name": (
        replaced("<Document>", '<Document><Schema name="Zone" parent="Placemark"/><Zone/>'),
        ["line 3: Zone", "in Document", "go unread"],
    ),
    "another namespace": (
        replaced("<Document>", '<Document><z:Area xmlns:z="urn:areas"/>'), ["Area", "of urn:areas", "go unread"],
    ),
    "a geometry nobody knows": (replaced("<Point>", "<Curve/><Point>"), ["placemark 'Tower'", "Curve"]),
    "a geometry outside any placemark": (replaced("<Folder>", "<Folder><Polygon/>"), ["Polygon", "in Folder"]),
    "an offset of its own": (
        replaced("<LineString>", "<LineString><gx:altitudeOffset>90</gx:altitudeOffset>"), ["altitudeOffset"],
    ),
    "an altitude mode of the ring": (
        replaced("<LinearRing>", "<LinearRing><altitudeMode>clampToGround</altitudeMode>"),
        ["LinearRing: altitudeMode", "clampToGround"],
    ),
    "text between elements": (replaced("<Folder>", "<Folder>Placemark>"), ["Folder", "Placemark>", "broken"]),
    "tracks joined over a silence": (
        replaced("<gx:Track>", "<gx:MultiTrack><gx:interpolate>1</gx:interpolate><gx:Track>")
        .replace(b"</gx:Track>", b"</gx:Track></gx:MultiTrack>"),
        ["interpolate", "nobody knows"],
    ),
    "a moment without position": (
        replaced("<gx:coord>36.5 33.2 3350</gx:coord>", "<gx:coord/>"), ["coord", "no position", "take out this coord"],
    ),
    "an update of other files": (
        replaced("<Document>", "<NetworkLinkControl><Update/></NetworkLinkControl><Document>"), ["an update"],
    ),
    "a class twice": (
        replaced("</ExtendedData>", '<Data name="aircraft_class"><value>crewed</value></Data></ExtendedData>'),
        ["aircraft_class", "a second one"],
    ),
    "an id twice": (replaced("<Placemark>", '<Placemark id="zone-1">'), ["id", "zone-1", "no other placemark"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named(name):
    content, expected = REFUSED[name]
    with pytest.raises(Refusal) as caught:
        read_kml(content)
    for fragment in expected:
        assert fragment in str(caught.value), str(caught.value)
    assert str(caught.value).isprintable()
