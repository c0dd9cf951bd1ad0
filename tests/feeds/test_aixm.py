"""AIXM 5.1 and digital NOTAMs: axes, arcs, units, references and times; whatever is not read refused by its name."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from airspace_samples import AIXM
from pyproj import Geod

from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.plan import Circle, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions, load_plans

GEOD = Geod(ellps="WGS84")
HILL = KmlOptions(ground_elevation_m=600.0)
MONDAY = "02 07:00-02 17:00"


@pytest.fixture
def load(tmp_path):
    """Read a message; the volumes of each airspace, and what was left out by its reason."""

    def read(content, options=None):
        path = tmp_path / "file.xml"
        path.write_text(content)
        found = load_plans(path, options)
        compile_plans(found.plans, Vocabulary())
        return {plan.plan_id: plan.intent for plan in found.plans}, {one.reason: one.count for one in found.dropped}

    return read


@pytest.fixture
def refused(load):
    """The line with which a message is refused."""

    def read(content, options=None):
        with pytest.raises(Refusal) as caught:
            load(content, options)
        return str(caught.value)

    return read


def hours(volumes):
    return sorted({f"{v.time.start:%d %H:%M}-{v.time.end:%d %H:%M}" for v in volumes})


def changed(*pairs):
    content = AIXM
    for old, new in pairs:
        assert old in content, old
        content = content.replace(old, new)
    return content


def test_latitude_stands_first_and_arcs_go_by_bearings(load):
    plans, dropped = load(AIXM)
    sector, circle = plans["LSD1"]
    assert circle.area == Circle(Position(47.0, 8.0), 5 * 1852.0)
    distances = [GEOD.inv(7.5, 46.5, p.longitude_deg, p.latitude_deg)[2] for p in sector.area.vertices]
    bearings = [GEOD.inv(7.5, 46.5, p.longitude_deg, p.latitude_deg)[0] for p in sector.area.vertices]
    on_arc = [b for b, d in zip(bearings, distances, strict=True) if d > 1.0]
    assert min(on_arc) == pytest.approx(90.0, abs=0.1)
    assert max(on_arc) == pytest.approx(180.0, abs=0.1)
    assert max(distances) == pytest.approx(10_000.0, abs=6.0)
    assert hours(plans["LSD1"]) == [MONDAY]
    assert circle.altitude.upper.value == 95
    assert circle.altitude.lower.reading_m == -1500.0
    assert dropped == {DropReason.OTHER_FEATURE: 1}


def test_where_longitude_stands_first_positions_and_angles_turn(load):
    turned = changed(
        ("urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:OGC:1.3:CRS84"),
        ("46.5 7.5 46.499926 7.630272", "7.5 46.5 7.630272 46.499926"),
        ("<gml:pos>46.5 7.5</gml:pos>", "<gml:pos>7.5 46.5</gml:pos>"),
        ("47.0 8.0", "8.0 47.0"),
        ("46.410040 7.5 46.5 7.5", "7.5 46.410040 7.5 46.5"),
        ('"deg">90<', '"deg">0<'),
        ('"deg">180<', '"deg">-90<'),
    )
    theirs, ours = load(turned)[0]["LSD1"], load(AIXM)[0]["LSD1"]
    assert theirs[1].area == ours[1].area
    both = [[(p.latitude_deg, p.longitude_deg) for p in one[0].area.vertices] for one in (ours, theirs)]
    assert np.allclose(*both, atol=1e-9)


def test_a_digital_notam_without_geometry_has_the_circle_of_its_text(load):
    (volume,) = load(AIXM)[0]["11111111-2222-4333-8444-666666666666"]
    assert volume.area.centre.latitude_deg == pytest.approx(41.0 + 47 / 60)
    assert volume.area.centre.longitude_deg == pytest.approx(-35.0 - 1 / 60)
    assert volume.area.radius_m == 11 * 1852.0 + 1400.0
    assert hours([volume]) == ["03 05:00-03 15:00"]
    assert (volume.altitude.lower.value, volume.altitude.upper.value) == (250, 350)


def test_a_digital_notam_of_an_airspace_in_the_file_has_its_geometry(load):
    slice_ = AIXM[AIXM.index('<aixm:timeSlice><aixm:AirspaceTimeSlice gml:id="S2">') :]
    slice_ = slice_[: slice_.index("</aixm:timeSlice>") + len("</aixm:timeSlice>")]
    end, second = "</aixm:Airspace></message:hasMember>\n", '<message:hasMember><aixm:Airspace gml:id="A2">'
    both = changed((end + second, slice_.replace('"S2"', '"S3"') + end + second))
    plans, _ = load(both)
    assert hours(plans["LSD1~2"]) == ["03 05:00-03 15:00"]
    assert [volume.area for volume in plans["LSD1~2"]] == [volume.area for volume in plans["LSD1"]]


LEVELS = """<aixm:levels><aixm:AirspaceLayer gml:id="L1"><aixm:upperLimit uom="FL">80</aixm:upperLimit>
<aixm:upperLimitReference>STD</aixm:upperLimitReference><aixm:lowerLimit>FLOOR</aixm:lowerLimit>
</aixm:AirspaceLayer></aixm:levels><aixm:status>"""


def test_an_activation_may_be_of_some_levels_alone(load):
    plans, _ = load(AIXM.replace("<aixm:status>", LEVELS, 1))
    assert plans["LSD1"][0].altitude.upper.value == 80
    assert plans["LSD1"][0].altitude.lower.reading_m == -1500.0


def sheet(*pairs):
    return changed(*pairs)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # Where clocks are put forward it begins an hour earlier by UTC, and nobody knows here whether they are.
        ([("Adjust>NO<", "Adjust>YES<")], ["02 06:00-02 17:00"]),
        ([(">MON<", ">WORK_DAY<")], [f"0{d} 07:00-0{d} 17:00" for d in range(1, 8)]),
        ([(">MON</aixm:day>", ">MON</aixm:day><aixm:dayTil>WED</aixm:dayTil>")], ["02 07:00-04 17:00"]),
        ([("07:00<", "22:00<"), ("17:00<", "04:00<")], ["02 22:00-03 04:00"]),
        ([(">UTC<", ">UTC+2<")], ["02 05:00-02 15:00"]),
        (
            [
                (
                    "<aixm:day>MON",
                    "<aixm:startDate>03-06</aixm:startDate><aixm:endDate>04-06</aixm:endDate><aixm:day>ANY",
                )
            ],
            ["03 07:00-03 17:00", "04 07:00-04 17:00"],
        ),
        ([("excluded>NO<", "excluded>YES<")], ["01 00:00-02 07:00", "02 17:00-08 00:00"]),
        (
            [("<aixm:startTime>07:00</aixm:startTime>", ""), ("<aixm:endTime>17:00</aixm:endTime>", "")],
            ["02 00:00-03 00:00"],
        ),
    ],
)
def test_hours_of_a_timesheet(load, pairs, expected):
    assert hours(load(sheet(*pairs))[0]["LSD1"]) == expected


def test_an_airspace_that_is_not_active_is_counted(load):
    plans, dropped = load(AIXM.replace(">ACTIVE<", ">INACTIVE<", 1))
    assert "LSD1" not in plans
    assert dropped == {DropReason.INACTIVE: 1, DropReason.OTHER_FEATURE: 1}


def test_an_airspace_without_end_needs_the_time_that_is_asked_about(load, refused):
    endless = changed(
        (
            "<gml:endPosition>2025-06-08T00:00:00Z</gml:endPosition>",
            '<gml:endPosition indeterminatePosition="unknown"/>',
        )
    )
    assert "--window" in refused(endless)
    week = LoadOptions(window=TimeWindow(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 15, tzinfo=UTC)))
    assert hours(load(endless, week)[0]["LSD1"]) == [MONDAY, "09 07:00-09 17:00"]


def test_an_arc_over_three_points_is_on_their_circle(load):
    def on(bearing):
        longitude, latitude, _ = GEOD.fwd(7.5, 46.5, bearing, 10_000.0)
        return f"{latitude:.9f} {longitude:.9f}"

    start = AIXM.index("<gml:ArcByCenterPoint")
    end = AIXM.index("</gml:ArcByCenterPoint>") + len("</gml:ArcByCenterPoint>")
    arc = f"<gml:Arc><gml:posList>{on(90)} {on(120)} {on(180)}</gml:posList></gml:Arc>"
    area = load(AIXM[:start] + arc + AIXM[end:])[0]["LSD1"][0].area
    distances = [GEOD.inv(7.5, 46.5, p.longitude_deg, p.latitude_deg)[2] for p in area.vertices]
    assert max(distances) == pytest.approx(10_000.0, abs=6.0)
    assert sum(distance > 9_990.0 for distance in distances) > 10


def test_a_line_straight_in_degrees_and_a_geodesic_differ(load):
    ring = "<gml:GeodesicString><gml:posList>60 10 60 30 61 30 61 10 60 10</gml:posList></gml:GeodesicString>"
    start, end = AIXM.index("<gml:GeodesicString>"), AIXM.index("</gml:segments>")
    geodesic = AIXM[:start] + ring + AIXM[end:]
    straight = geodesic.replace("GeodesicString", "LineStringSegment")
    assert len(load(geodesic)[0]["LSD1"][0].area.vertices) == 4
    assert len(load(straight)[0]["LSD1"][0].area.vertices) > 50


def test_an_airspace_may_take_its_area_from_another_of_the_file(load, refused):
    start = AIXM.index("<aixm:horizontalProjection>")
    end = AIXM.index("</aixm:horizontalProjection>") + len("</aixm:horizontalProjection>")
    link = (
        '<aixm:contributorAirspace><aixm:AirspaceVolumeDependency gml:id="D1"><aixm:dependency>HORZ_PROJECTION'
        '</aixm:dependency><aixm:theAirspace xlink:href="urn:uuid:11111111-2222-4333-8444-555555555555"/>'
        "</aixm:AirspaceVolumeDependency></aixm:contributorAirspace>"
    )
    first = AIXM[AIXM.index("<message:hasMember>") : AIXM.index('<message:hasMember><aixm:Airspace gml:id="A2">')]
    second = first.replace(AIXM[start:end], link).replace("555555555555<", "777777777777<").replace("LSD1", "LSD2")
    second = second.replace('uom="FL">95', 'uom="FL">65').replace('gml:id="', 'gml:id="Z')
    plans, _ = load(AIXM.replace(first, first + second))
    assert [volume.area for volume in plans["LSD2"]] == [volume.area for volume in plans["LSD1"]]
    assert {volume.altitude.upper.value for volume in plans["LSD2"]} == {65}
    full = second.replace("HORZ_PROJECTION", "FULL_GEOMETRY")
    assert {volume.altitude.upper.value for volume in load(AIXM.replace(first, first + full))[0]["LSD2"]} == {95}
    lost = second.replace("uuid:11111111", "uuid:99999999")
    assert "this file holds" in refused(AIXM.replace(first, first + lost))
    itself = second.replace("555555555555", "777777777777")
    assert "this file holds" in refused(AIXM.replace(first, first + itself))


@pytest.mark.long
def test_airspaces_that_ask_for_one_another_again_and_again_are_refused(refused):
    """Each takes from the next one twice: the first would hold the last eight thousand times."""
    start = AIXM.index("<aixm:horizontalProjection>")
    end = AIXM.index("</aixm:horizontalProjection>") + len("</aixm:horizontalProjection>")
    first = AIXM[AIXM.index("<message:hasMember>") : AIXM.index('<message:hasMember><aixm:Airspace gml:id="A2">')]
    link = (
        "<aixm:contributorAirspace><aixm:AirspaceVolumeDependency><aixm:dependency>FULL_GEOMETRY</aixm:dependency>"
        '<aixm:theAirspace xlink:href="urn:uuid:{0}"/></aixm:AirspaceVolumeDependency></aixm:contributorAirspace>'
    )
    chain = "".join(
        first.replace(AIXM[start:end], 2 * link.format(f"next-{number + 1}"))
        .replace("11111111-2222-4333-8444-555555555555", f"next-{number}")
        .replace('gml:id="', f'gml:id="n{number}')
        for number in range(13)
    )
    last = first.replace("11111111-2222-4333-8444-555555555555", "next-13").replace('gml:id="', 'gml:id="last')
    assert "at most 3,000 times" in refused(AIXM.replace(first, chain + last))


WRONG = {
    "entities": ([("<message:AIXM", '<!DOCTYPE x [<!ENTITY a "a">]><message:AIXM')], ["document type"]),
    "an element of a time slice": ([("<aixm:type>D", "<aixm:shape>D</aixm:shape><aixm:type>D")], ["shape"]),
    "an element of a volume": ([("<aixm:lowerLimit>", "<aixm:height>9</aixm:height><aixm:lowerLimit>")], ["height"]),
    "an element of another namespace": ([("<aixm:type>D", '<x:more xmlns:x="urn:x"/><aixm:type>D')], ["more", "urn:x"]),
    "a second volume": (
        [("</aixm:theAirspaceVolume>", "</aixm:theAirspaceVolume><aixm:theAirspaceVolume/>")],
        ["theAirspaceVolume"],
    ),
    "no axes": ([(' srsName="urn:ogc:def:crs:EPSG::4326"', "")], ["srsName: ''", "order of axes"]),
    "axes of two kinds": ([("urn:ogc:def:crs:EPSG::4326", "EPSG:4326")], ["srsName: 'EPSG:4326'"]),
    "another datum": ([("EPSG::4326", "EPSG::4230")], ["srsName: 'urn:ogc:def:crs:EPSG::4230'"]),
    "three numbers a position": (
        [("<gml:posList>46.5 7.5 46.499926", '<gml:posList srsDimension="3">46.5 7.5 46.499926')],
        ["pairs of numbers"],
    ),
    "a radius without unit": ([('<gml:radius uom="km">', "<gml:radius>")], ["radius: uom: ''"]),
    "a radius in another unit": ([('uom="[nmi_i]"', 'uom="furlong"')], ["uom: 'furlong'"]),
    "an angle in another unit": ([('<gml:endAngle uom="deg">', '<gml:endAngle uom="rad">')], ["endAngle: uom: 'rad'"]),
    "an arc the other way round": ([('"deg">180<', '"deg">-180<'), ('"deg">90<', '"deg">-90<')], ["a gap of"]),
    "a hole": (
        [("</gml:exterior></gml:PolygonPatch>", "</gml:exterior><gml:interior/></gml:PolygonPatch>")],
        ["one ring"],
    ),
    "a spline": ([("<gml:GeodesicString>", "<gml:CubicSpline/><gml:GeodesicString>")], ["CubicSpline"]),
    "a limit without unit": ([('<aixm:upperLimit uom="FL">', "<aixm:upperLimit>")], ["upperLimit: uom: ''"]),
    "a limit without reference": (
        [('uom="FL">95', 'uom="FT">9500'), ("upperLimitReference>STD", "upperLimitReference>")],
        ["upperLimitReference"],
    ),
    "a limit above a ground nobody knows": (
        [('uom="FL">95', 'uom="FT">500'), ("upperLimitReference>STD<", "upperLimitReference>SFC<")],
        ["500 FT SFC", "--ground-elevation"],
    ),
    "no lower limit": ([("<aixm:lowerLimit>GND</aixm:lowerLimit>", "")], ["lowerLimit: None"]),
    "another status": ([("<aixm:status>ACTIVE", "<aixm:status>SOMETIMES")], ["status: 'SOMETIMES'"]),
    "a permanent change": ([(">BASELINE<", ">PERMDELTA<")], ["'PERMDELTA'", "baseline"]),
    "a local time": ([(">UTC<", ">LOCAL<")], ["timeReference: 'LOCAL'"]),
    "a day that is none": ([(">MON<", ">MONDAY<")], ["day: 'MONDAY'"]),
    "an hour that is none": ([(">07:00<", ">7<")], ["startTime: '7'"]),
    "an event that is lost": ([('href="#EV1"', 'href="#EV9"')], ["theEvent", "this file holds"]),
    "a notam without place": ([("4147N03501W", "4147N")], ["NOTAM: coordinates"]),
    "a naive moment": ([("2025-06-08T00:00:00Z", "2025-06-08T00:00:00")], ["endPosition", "offset"]),
    "a member elsewhere": (
        [("<message:hasMember><event", '<message:hasMember xlink:href="http://x/y"/><message:hasMember><event')],
        ["http://x/y"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_or_not_read_is_named(refused, what):
    pairs, expected = WRONG[what]
    line = refused(changed(*[(old, new) for old, new, *_ in pairs]))
    for fragment in expected:
        assert fragment in line, line


SAMPLES = Path(os.environ.get("DETENTE_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "airspace" / "aixm"


@pytest.mark.shared
def test_the_fictitious_state_of_donlon_is_read(load):
    days = TimeWindow(datetime(2025, 12, 1, tzinfo=UTC), datetime(2025, 12, 3, tzinfo=UTC))
    plans, dropped = load((SAMPLES / "Donlon_2025_Airspace.xml").read_text(), LoadOptions(window=days, kml=HILL))
    assert (len(plans), dropped) == (57, {DropReason.OUTSIDE_WINDOW: 3})
    assert plans["EAP2"][0].area.radius_m == 15 * 1852.0
    assert (plans["EAR2"][0].altitude.lower.value, plans["EAR2"][0].altitude.upper.value) == (250, 350)


@pytest.mark.shared
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("digitalNOTAM/*.xml")), ids=lambda path: path.stem)
def test_the_digital_notams_of_donlon_are_read(load, refused, path):
    if path.stem == "DN_ATSA.ACT_sectors":
        assert "well-formed" in refused(path.read_text())
        return
    plans, dropped = load(path.read_text())
    assert (len(plans), dropped) == (1, {})
