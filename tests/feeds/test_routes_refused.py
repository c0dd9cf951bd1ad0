"""What is wrong with a route is named, and whatever a file of routes holds, plans or a Refusal on one line come out."""

import json

import msgspec
import pytest
from feed_samples import changed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from route_samples import (
    AEROAPI,
    COT,
    FLIGHTAWARE,
    FOREFLIGHT,
    FPL,
    GARMIN,
    OPTIONS,
    PLAN,
    SAMPLES,
    TAKEOFF,
    WPL,
    item,
    plan,
)
from test_hostile_files import WORDS, altered, damaged
from test_hostile_files import load as load_or_refuse

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.refusal import Refusal
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.load import load_plans
from detente.feeds.recognition import PlanFormat, plan_format
from length import at_length, quickly

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CONTENTS = {name: content for name, (content, _) in SAMPLES.items()}


@pytest.fixture
def refused(tmp_path):
    """The line with which the content of a file is refused."""

    def read(content, options=OPTIONS):
        path = tmp_path / "file"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(Refusal) as caught:
            load_plans(path, options)
        return str(caught.value)

    return read


def of_plan(**changes):
    return json.dumps(changed(json.loads(json.dumps(PLAN)), changes))


WRONG = {
    "a plan of another version": (of_plan(version=2), ["version: 2", "version 1"]),
    "a member that nobody reads": (of_plan(mission__speedLimit=3), ["mission.speedLimit", "would go unread"]),
    "a member of an item": (of_plan(mission__items__1__wind=3), ["items[1]: wind"]),
    "a boat": (of_plan(mission__vehicleType=11), ["vehicleType: 11", "flies missions"]),
    "a structure scan": (
        of_plan(mission__items__3={"type": "ComplexItem", "complexItemType": "StructureScan"}),
        ["items[3]: complexItemType: 'StructureScan'"],
    ),
    "a survey that was not expanded": (
        of_plan(mission__items__3__TransectStyleComplexItem__Items=...), ["items[3]: TransectStyleComplexItem.Items"],
    ),
    "two altitudes of an item": (of_plan(mission__items__0__Altitude=60), ["items[0]: Altitude: 60", "differ"]),
    "a frame of another mode": (of_plan(mission__items__0__frame=0), ["items[0]: AltitudeMode: 1", "frame 0"]),
    "an item that waits for somebody": (of_plan(mission__items__1__autoContinue=False), ["items[1]: autoContinue"]),
    "a command that nobody knows": (of_plan(mission__items__1__command=999), ["items[1]: command: 999"]),
    "a spline": (of_plan(mission__items__1__command=82), ["command: 82"]),
    "a jump": (json.dumps(plan(TAKEOFF, item(177, 1, 5))), ["items[1]: command: 177"]),
    "a circle without end": (json.dumps(plan(TAKEOFF, item(17, 0, 0, 50, 1, 47.4, 8.5, 50))), ["command: 17"]),
    "a local frame": (of_plan(mission__items__1__frame=1), ["items[1]: frame: 1"]),
    "a hold before the start": (of_plan(mission__items__1__params__0=-5), ["items[1]: hold time: -5"]),
    "a hold of a year": (of_plan(mission__items__1__params__0=4e7), ["items[1]", "at most 30 days"]),
    "too few parameters": (of_plan(mission__items__1__params=[1, 2]), ["items[1]: params", "seven"]),
    "a parameter in words": (of_plan(mission__items__1__params__4="47"), ["items[1]: params[4]"]),
    "no speed at all": (of_plan(mission__hoverSpeed=0), ["mission: items[1]: speed: 0"]),
    "an aeroplane that goes home to circle": (
        json.dumps(plan(item(22, 15, 0, 0, None, 47.4, 8.56, 60), item(20), vehicleType=1)),
        ["command: 20", "a landing"],
    ),
    "an aeroplane that climbs on the spot": (
        json.dumps(plan(item(22, 15, 0, 0, None, None, None, 60), vehicleType=1)), ["items[0]", "on the spot"],
    ),
    "a circle of the vehicle's own radius": (
        json.dumps(plan(TAKEOFF, item(18, 2, 0, 0, 1, 47.4, 8.5, 50))), ["radius of the circle"],
    ),
    "a mission that stays at home": (json.dumps(plan(item(206, 25, frame=2))), ["flies somewhere"]),
    "a home that is none": (of_plan(mission__plannedHomePosition=[47.4, 8.5]), ["plannedHomePosition"]),
    "a return to a flight level": (json.dumps(PLAN), ["altitude", "above mean sea level"]),

    "another version of the text": (WPL.replace("110", "120"), ["line 1", "QGC WPL 110"]),
    "a text without home": (WPL.replace("0\t1\t0\t16", "0\t1\t3\t16"), ["line 2", "home as the first item"]),
    "a home that was never set": (WPL.replace("47.3977419\t8.545594", "0\t0"), ["line 2", "home as the first item"]),
    "a line that was cut": (WPL.replace("\t60.000000\t1", ""), ["line 5", "10 fields"]),
    "an item that is missing": (WPL.replace("2\t0\t3\t16", "7\t0\t3\t16"), ["line 4: index: 7", "expected 2"]),
    "a decimal comma": (WPL.replace("30.0", "30,0"), ["line 4: param1", "decimal number"]),
    "an item that stops": (WPL.replace("\t50.000000\t1\n2", "\t50.000000\t0\n2"), ["line 3: autocontinue"]),

    "an element of others": (GARMIN.replace("<comment/>", "<hold/>", 1), ["hold", "in waypoint"]),
    "a point that is not in the table": (
        GARMIN.replace("<waypoint-identifier>FRI", "<waypoint-identifier>FRX"), ["route-point", "FRX VOR LS"],
    ),
    "one name in two places": (
        GARMIN.replace("SPARE", "FRI").replace("USER WAYPOINT", "VOR")
        .replace("<country-code/>", "<country-code>LS</country-code>"),
        ["one place for one name"],
    ),
    "a point of another kind": (GARMIN.replace("<type>VOR", "<type>HELIPAD"), ["type: 'HELIPAD'"]),
    "an altitude at one point": (
        FOREFLIGHT.replace("<altitude-ft></altitude-ft></waypoint>", "<altitude-ft>900</altitude-ft></waypoint>", 1),
        ["altitude-ft: '900'", "one altitude for the whole route"],
    ),
    "a route of one point": (
        GARMIN[: GARMIN.index("    <route-point><waypoint-identifier>FRI")] + "</route></flight-plan>",
        ["2 to 1,000 points"],
    ),
    "an entity": (GARMIN.replace("?>", "?><!DOCTYPE x [<!ENTITY a 'aaaa'>]>", 1), ["<!DOCTYPE"]),
    "degrees and minutes": (GARMIN.replace("46.7775", "46 46.65"), ["lat: '46 46.65'"]),

    "a message that delays another": (FPL.replace("(FPL-FLY7", "(DLA-FLY7"), ["field 3: 'DLA'", "as it holds"]),
    "a message that was cut": (FPL[:-3], ["a whole message"]),
    "a message without its first bracket": (FPL.replace("(FPL-FLY7", "FPL-FLY7"), ["a whole message"]),
    "text between messages": ("NNNN " + FPL, ["line 1", "NNNN"]),
    "an airway whose points are not given": (FPL.replace("UL9", "UN491"), ["flight plan ABC123: field 15: UN491"]),
    "a point off the airway": (FPL.replace("MOPAR", "DVR", 1), ["UL9: 'DVR'", "ABB, LIMRI, MOPAR"]),
    "an airway without end": (FPL.replace("UL9 MOPAR DCT 4930N00230E", "UL9"), ["UL9", "before and behind"]),
    "a standard departure": (FPL.replace("DVR DCT ABB", "DVR4G ABB"), ["DVR4G", "--points"]),
    "a stay on the way": (FPL.replace("DVR DCT", "STAY1/0030 DVR DCT"), ["STAY1/0030"]),
    "a bearing without variation": (FPL.replace("DVR090020", "ABB090020"), ["ABB090020", "magnetic"]),
    "a bearing beyond the circle": (FPL.replace("DVR090020", "DVR400020"), ["degrees", "400"]),
    "two references": (FPL.replace("F320", "A045"), ["ABB/N0420A045", "one reference"]),
    "a cruise climb without end": (FPL.replace("ABB/N0420F320", "C/ABB/N0420F320PLUS"), ["PLUS has no end"]),
    "a delay en route": (FPL.replace("REG/GABCD", "DLE/ABB0030"), ["field 18: DLE"]),
    "the date twice": (FPL.replace("REG/GABCD", "DOF/250602"), ["field 18: DOF", "once"]),
    "a thirtieth of February": (FPL.replace("DOF/250601", "DOF/250230"), ["field 18: DOF: '250230'"]),
    "an aerodrome nobody gave": (FPL.replace("LFPG0058", "LFPX0058"), ["field 16", "'LFPX'"]),
    "a place of ZZZZ that is missing": (FPL.replace("DEST/4600N00600E ", ""), ["field 16", "DEP/ or DEST/"]),
    "twenty-five o'clock": (FPL.replace("EGLL1430", "EGLL2530"), ["field 13: 'EGLL2530'"]),
    "a speed of nothing": (FPL.replace("N0400F300", "N0000F300"), ["field 15: speed: 0"]),
    "a flight plan twice": (FPL[: FPL.index("(FPL-FLY7")] * 2, ["field 7", "no other plan"]),
    "sixty minutes of arc": (FPL.replace("4930N00230E", "4960N00230E"), ["4960N00230E"]),

    "an event of another type": (COT.replace('"u-d-f"', '"u-d-x"'), ["type: 'u-d-x'", "would go unread"]),
    "a point of a route that is in another event": (
        COT.replace(' point="46.6,7.5,1300"', ""), ["line 8: link: point: ''"],
    ),
    "an open line": (COT.replace('<link point="46.5,7.5"/><height', "<height"), ["an open line"]),
    "a decimal comma of a height": (COT.replace("7.5,1200.5", "7.5,1200,5"), ["46.5,7.5,1200,5", "decimal comma"]),
    "an ellipse": (COT.replace('minor="2000"', 'minor="900"'), ["minor: 900", "a circle"]),
    "a detail of others": (COT.replace("<archive/>", "<fence/>"), ["fence", "in detail"]),
    "a route that is stale": (
        COT.replace("2025-06-08T12:00:00Z", "2025-06-01T14:31:00Z"), ["stale", "while the route"],
    ),
    "a local time": (COT.replace("18:00:00Z", "18:00:00", 1), ["stale", "offset from UTC"]),
    "one uid twice": (COT.replace("22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333")
                      .replace('"Area"', '"Circle"'), ["uid"]),
    "NaN for a height": (COT.replace("46.6,7.6,1300", "46.6,7.6,NaN"), ["point: 'NaN'"]),

    "a column of the log that nobody reads": (FLIGHTAWARE.replace("Course", "Datum", 1), ["columns"]),
    "another column beside those of the service": (
        AEROAPI.replace("ident,", "ident,qnh,", 1).replace("SWR12,", "SWR12,1013,"), ["columns: 'qnh'"],
    ),
    "a time without day": (FLIGHTAWARE.replace("Sun 12:00:12", "12:00:12"), ["line 4", "day of the week"]),
    "thirteen o'clock in the afternoon": (FLIGHTAWARE.replace("Sun 12:00:12", "Sun 13:00:12"), ["line 4"]),
    "a time before the one before": (FLIGHTAWARE.replace("Sun 12:00:28", "Sun 12:00:02"), ["line 5", "not before"]),
    "another kind of position": (AEROAPI.replace(",A\n", ",Q\n", 1), ["update_type: 'Q'"]),
}  # fmt: skip
SPECIAL = {
    "a return to a flight level": msgspec.structs.replace(
        OPTIONS,
        routes=msgspec.structs.replace(
            OPTIONS.routes, altitude=Altitude(30.0, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
        ),
    ),
    "text between messages": msgspec.structs.replace(OPTIONS, plan_format=PlanFormat.ICAO_PLAN),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named(refused, what):
    content, expected = WRONG[what]
    line = refused(content, SPECIAL.get(what, OPTIONS))
    for fragment in expected:
        assert fragment in line, line
    assert line.isprintable()


def test_what_fits_nothing_of_a_format_is_not_taken_for_it(tmp_path):
    path = tmp_path / "file"
    for content in (b'{"fileType": "Params"}', b"QGC PLAN 1", b"(FP-ABC", b"<flightplan/>", b"<events2/>"):
        path.write_bytes(content)
        try:
            assert plan_format(path) in {PlanFormat.GEOJSON, PlanFormat.KML}
        except Refusal as refusal:
            assert "formats" in str(refusal)  # noqa: PT017 - either is right


@pytest.mark.parametrize("name", CONTENTS)
@QUICK
@given(data=st.data())
def test_damaged_routes(tmp_path, name, data):
    load_or_refuse(tmp_path, name, data.draw(damaged(CONTENTS[name])), OPTIONS)
    try:
        plans = load_plans(tmp_path / name, OPTIONS).plans
    except Refusal:
        return
    assert read_geojson(write_geojson(plans)) == plans


@pytest.mark.long
@pytest.mark.parametrize("name", CONTENTS)
@settings(QUICK, max_examples=at_length(2500))
@given(data=st.data())
def test_damaged_routes_at_length(tmp_path, name, data):
    load_or_refuse(tmp_path, name, data.draw(damaged(CONTENTS[name])), OPTIONS)


@settings(QUICK, max_examples=quickly(80))
@given(data=st.data())
def test_altered_missions(tmp_path, data):
    """A value somewhere in a plan has become something else."""
    content = json.dumps(altered(json.loads(CONTENTS["survey.plan"]), data.draw)).encode()
    load_or_refuse(tmp_path, "survey.plan", content, OPTIONS)


@QUICK
@given(data=st.data())
def test_altered_words(tmp_path, data):
    """A word somewhere in a file of words has become something else."""
    name = data.draw(st.sampled_from(["mission.waypoints", "filed.txt", "log.csv", "positions.csv"]))
    separator = {"mission.waypoints": "\t", "filed.txt": " "}.get(name, ",")
    lines = CONTENTS[name].decode().split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        words = lines[at].split(separator)
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(WORDS | st.text(max_size=10))
        lines[at] = separator.join(words)
    load_or_refuse(tmp_path, name, "\n".join(lines).encode("utf-8", "surrogatepass"), OPTIONS)
