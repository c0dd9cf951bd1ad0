"""The formats that others write: each is known by its content, read as it is meant, and named where it is not read."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from feed_samples import CSV, KML, START
from format_samples import AIRCRAFT, CONTENTS, FLIGHTRADAR24, GPX, IGC, NOTAMS, OPENSKY, SBS, STATES, TRACE, kmz

from detente.airspace.altitude import AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.plan import Containment
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions, load_plans
from detente.feeds.recognition import PlanFormat, plan_format

IN_UTC = LoadOptions(utc_offset=timedelta(0))


@pytest.fixture
def load(tmp_path):
    """Read the content of a file; the plans by their identifiers, and what was left out by its reason."""

    def read(content, name="file", options=IN_UTC):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = load_plans(path, options)
        return {plan.plan_id: plan.intent for plan in found.plans}, {one.reason: one.count for one in found.dropped}

    return read


@pytest.fixture
def refused(load):
    """The line with which the content of a file is refused."""

    def read(content, name="file", options=IN_UTC):
        with pytest.raises(Refusal) as caught:
            load(content, name, options)
        return str(caught.value)

    return read


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("suffix", ["", ".kml", ".csv"])
def test_a_format_is_known_by_its_content_whatever_the_file_is_called(tmp_path, name, suffix):
    formats = dict(zip(CONTENTS, FORMATS, strict=True))
    path = tmp_path / f"file{suffix}"
    path.write_bytes(CONTENTS[name])
    assert plan_format(path) is formats[name]
    path.write_bytes(gzip.compress(CONTENTS[name]))
    assert plan_format(path) is formats[name]


FORMATS = [
    PlanFormat.READSB_AIRCRAFT, PlanFormat.READSB_TRACE, PlanFormat.OPENSKY_STATES, PlanFormat.OPENSKY_CSV,
    PlanFormat.FLIGHTRADAR24, PlanFormat.SBS, PlanFormat.IGC, PlanFormat.GPX, PlanFormat.KMZ,
    PlanFormat.NOTAM, PlanFormat.ED269, PlanFormat.ED318, PlanFormat.OPENAIR,
    PlanFormat.CONTROL_ORDER, PlanFormat.AIXM, PlanFormat.AIRSPACE_USE_PLAN,
]  # fmt: skip


@pytest.mark.parametrize("name", CONTENTS)
def test_what_gzip_packed_is_read_as_it_was_before(load, name):
    assert load(gzip.compress(CONTENTS[name])) == load(CONTENTS[name])


def test_a_gzip_file_that_was_cut_is_refused(refused):
    packed = gzip.compress(OPENSKY.encode())
    assert "a whole gzip file" in refused(packed[:-9])
    assert "a whole gzip file" in refused(packed + b"more")


FOREIGN = {
    "an SQLite database": b"SQLite format 3\0" + bytes(99),
    "a shapefile": b"\x00\x00\x27\x0a" + bytes(99),
    "airspace use plan": b"Updated Airspace Use Plan\nAMC: LSAAZAMC\n06/06/2025 06:00 - 07/06/2025 06:00\n",
    "AIXM 4.5": b'<AIXM-Snapshot xmlns="x"/>',
    "a web page": b"<html></html>",
    "TopoJSON": b'{"type": "Topology"}',
    "spreadsheet": b"PK\3\4" + bytes(26) + b"[Content_Types].xml",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_format_that_is_not_read_is_named(refused, what):
    line = refused(FOREIGN[what])
    assert "this is" in line
    assert what in line
    assert "--as" in line


def test_what_stands_before_the_first_notam_is_not_skipped(refused):
    line = refused("SEE ALSO: " + NOTAMS, options=LoadOptions(plan_format=PlanFormat.NOTAM))
    assert "'SEE ALSO:'" in line
    assert "no plan" in refused("\n", options=LoadOptions(plan_format=PlanFormat.NOTAM))


def test_a_user_may_insist_on_a_format(load, refused):
    assert "a list of features" not in refused(TRACE_TEXT, options=LoadOptions(plan_format=PlanFormat.KML))
    tabs = CSV.replace("timestamp", "timestamp ")
    assert load(tabs, options=LoadOptions(plan_format=PlanFormat.CSV)) == load(CSV)


TRACE_TEXT = json.dumps(TRACE)


def test_aircraft_json_is_one_moment_and_every_position_as_old_as_it_says(load):
    plans, dropped = load(json.dumps(AIRCRAFT))
    (waypoint,) = plans["4b1234_01"].waypoints
    assert waypoint.time == datetime.fromtimestamp(1748786407.5, UTC)
    assert (waypoint.altitude.value, waypoint.altitude.reference) == (20000.0, StandardPressure())
    assert dropped == {DropReason.ON_GROUND: 1, DropReason.NO_ALTITUDE: 1, DropReason.NEVER_PLACED: 1}
    other = json.dumps({"ac": AIRCRAFT["aircraft"], "now": AIRCRAFT["now"] * 1000.0})
    assert load(other) == load(other.replace("alt_baro", "altitude")) == (plans, dropped)


def test_a_position_without_its_age_is_refused(refused):
    aircraft = {key: value for key, value in AIRCRAFT["aircraft"][0].items() if key != "seen_pos"}
    assert "aircraft[0]: '4b1234': seen_pos" in refused(json.dumps({"now": 1.7e9, "aircraft": [aircraft]}))


def test_a_trace_counts_its_seconds_from_its_timestamp(load):
    plans, dropped = load(TRACE_TEXT)
    waypoints = plans["4b1234_01"].waypoints
    assert [waypoint.time.timestamp() - TRACE["timestamp"] for waypoint in waypoints] == [60.0, 64.0, 68.0]
    # The last altitude is geometric: it is not on standard pressure, so it is not known, and its leg is wider.
    assert [waypoint.altitude.value for waypoint in waypoints] == [20000.0, 20025.0, 20025.0]
    assert plans["4b1234_01"].containment_of_leg(1).vertical_m == 40.0
    assert dropped == {DropReason.ON_GROUND: 1}


def test_a_state_vector_is_as_old_as_its_position_and_in_metres(load):
    plans, dropped = load(OPENSKY)
    first, second = plans["4b1234_01"].waypoints
    assert (first.time.timestamp(), second.time.timestamp()) == (1748786399.5, 1748786401.5)
    assert first.altitude.value == pytest.approx(20000.0)
    assert dropped == {DropReason.ON_GROUND: 1, DropReason.REPEATED_TIME: 1}
    plans, dropped = load(json.dumps(STATES))
    (waypoint,) = plans["4b1234_01"].waypoints
    assert waypoint.time.timestamp() == 1748786408
    assert (waypoint.position.latitude_deg, waypoint.position.longitude_deg) == (46.5, 7.5)
    assert dropped == {DropReason.NO_POSITION: 1}


def test_messages_of_basestation_need_the_offset_of_their_clock(load, refused):
    plans, dropped = load(SBS, options=LoadOptions(utc_offset=timedelta(hours=2)))
    first, second = plans["4b1234_01"].waypoints
    assert first.time == START - timedelta(hours=2) + timedelta(seconds=1)
    assert (first.altitude.value, second.altitude.value) == (20000.0, 20025.0)
    assert dropped == {DropReason.ON_GROUND: 1}
    assert load(SBS.replace("MSG,3", "MLAT,3")) == load(SBS)
    assert "--utc-offset" in refused(SBS, options=LoadOptions())


def test_a_flight_of_flightradar24_is_in_feet_on_standard_pressure(load):
    plans, dropped = load(FLIGHTRADAR24)
    first, _ = plans["SWR12"].waypoints
    assert first.time == START + timedelta(minutes=1)
    assert (first.altitude.value, first.altitude.reference) == (20000.0, StandardPressure())
    assert dropped == {DropReason.ON_GROUND: 1}


def test_a_glider_flies_past_midnight_on_its_pressure_altitude(load):
    plans, dropped = load(IGC)
    waypoints = plans["HB-3456"].waypoints
    assert waypoints[0].time == datetime(2025, 5, 31, 23, 59, 56, tzinfo=UTC)
    assert waypoints[-1].time == datetime(2025, 6, 1, 0, 0, 6, tzinfo=UTC)
    assert waypoints[0].altitude.reading_m == pytest.approx(1500.0)
    assert waypoints[-1].position.latitude_deg == pytest.approx(46.0 + 30.080 / 60.0)
    assert dropped == {DropReason.NO_POSITION: 1}


def test_each_segment_of_a_gpx_track_is_a_flight_above_mean_sea_level(load):
    contained = Containment(50.0, 20.0, 1.0)
    plans, dropped = load(GPX, options=LoadOptions(kml=KmlOptions(containment=contained)))
    assert list(plans) == ["Survey-1", "Survey-1~2"]
    first, second = plans["Survey-1"].waypoints
    assert (second.time - first.time, first.time) == (timedelta(seconds=10), START)
    assert (first.altitude.value, first.altitude.unit) == (900.0, AltitudeUnit.METRE)
    assert first.altitude.reference == MeanSeaLevel()
    assert plans["Survey-1"].containment == contained
    assert dropped == {DropReason.POINT: 1}


def test_a_kmz_is_the_kml_inside(load, refused):
    assert load(kmz()) == load(KML)
    assert "one KML file in the archive" in refused(kmz("doc.kml", "more.kml"))
    assert "one KML file in the archive" in refused(kmz("doc.kml", "more.kmz"))
    assert "a ZIP archive" in refused(kmz()[:-30])


def hours(volume):
    return tuple(moment.strftime("%d %H:%M") for moment in (volume.time.start, volume.time.end))


@pytest.mark.parametrize(
    "number", ["A01102/25 NOTAMN", "0102/25 NOTAMN", "A0102-25 NOTAMN", "A0102/25 NOTAM", "A0102/25 NOTAM N", "(FDC)"]
)
@pytest.mark.parametrize("before", ["QRTCA", "QOBCE"])
def test_a_notam_whose_number_is_written_otherwise_is_not_words_of_the_one_before(refused, number, before):
    first, _, second = NOTAMS.partition("A0102/25 NOTAMR A0099/25")
    assert second
    line = refused(first.replace("QRTCA", before) + number + second)
    assert "NOTAM A0101/25: E" in line
    assert "begins with its number" in line


def test_a_notam_is_its_circle_on_every_day_of_its_schedule(load):
    plans, dropped = load(NOTAMS)
    assert list(plans) == ["A0101-25", "A0102-25"]
    assert [hours(volume) for volume in plans["A0101-25"]] == [
        ("01 06:00", "01 11:00"), ("01 13:00", "01 18:00"), ("02 06:00", "02 11:00"), ("02 13:00", "02 18:00"),
    ]  # fmt: skip
    area, altitude = plans["A0101-25"][0].area, plans["A0101-25"][0].altitude
    assert (area.centre, area.radius_m) == (Position(46.5, 7.5), 5 * 1852.0 + 1400.0)
    assert altitude.upper.reference == altitude.lower.reference == StandardPressure()
    assert altitude.upper.reading_m == pytest.approx(3048.0)
    (other,) = plans["A0102-25"]
    assert other.area.centre == Position(-46.2, -6.1)
    assert other.altitude.lower.reading_m == pytest.approx(457.2)
    assert other.altitude.lower.reference == MeanSeaLevel()
    assert dropped == {DropReason.NO_AIRSPACE: 1}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("D) H24\n", [("01 06:00", "02 18:00")]),
        ("", [("01 06:00", "02 18:00")]),
        # Past midnight: the night before the first day is still going on when the NOTAM begins.
        ("D) 2200-0700\n", [("01 06:00", "01 07:00"), ("01 22:00", "02 07:00")]),
        ("D) DAILY 1200-2400\n", [("01 12:00", "02 00:00"), ("02 12:00", "02 18:00")]),
    ],
)
def test_hours_of_a_notam(load, schedule, expected):
    plans, _ = load(NOTAMS.replace("D) DAILY 0600-1100 1300-1800\n", schedule))
    assert [hours(volume) for volume in plans["A0101-25"]] == expected


@pytest.mark.parametrize(
    ("limits", "lower_m", "upper_m"),
    [
        ("F) SFC G) UNL", -500.0, 30_000.0),
        ("F) 120M AMSL G) UNL", 120.0, 30_000.0),
        ("F) GND G) 400M AGL", 0.0, 400.0),
        ("F) FL095 G) FL999", 2895.6, 30_000.0),
        ("", -1500.0, 3048.0),
    ],
)
def test_limits_of_a_notam(load, limits, lower_m, upper_m):
    content = NOTAMS.replace("F) SFC G) FL100", limits)
    plans, _ = load(content, options=LoadOptions(kml=KmlOptions(ground_elevation_m=600.0)))
    altitude = plans["A0101-25"][0].altitude
    assert (altitude.lower.reading_m, altitude.upper.reading_m) == pytest.approx((lower_m, upper_m))


WRONG = {
    "a NOTAM that cancels": (NOTAMS.replace("NOTAMR A0099/25", "NOTAMC A0099/25"), ["A0102/25", "cancels another"]),
    "a NOTAM twice": (NOTAMS.replace("A0102/25", "A0101/25"), ["NOTAM A0101/25: number", "no other plan"]),
    "an estimated end": (NOTAMS.replace("C) 2506021800", "C) 2506021800 EST"), ["C: '2506021800 EST'", "reckon"]),
    "no end": (NOTAMS.replace("C) 2506021800", "C) PERM"), ["C: 'PERM'"]),
    "a thirtieth of February": (NOTAMS.replace("B) 2506010600", "B) 2502300600", 1), ["B: '2502300600'"]),
    "the whole region": (NOTAMS.replace("00730E005", "00730E999"), ["Q: 'radius 999'"]),
    "a Q line without place": (NOTAMS.replace("/4630N00730E005", ""), ["A0101/25: Q", "a position and a radius"]),
    "a limit in words": (NOTAMS.replace("F) SFC", "F) LOW"), ["F: 'LOW'", "450M AGL"]),
    "heights above a ground nobody knows": (NOTAMS.replace("FL100", "400M AGL"), ["G: '400M AGL'", "--ground"]),
    "a schedule in words": (NOTAMS.replace("DAILY 0600-1100", "AS REQUIRED 0600-1100"), ["D: 'AS REQ", "MON-FRI"]),
    "days that never come": (NOTAMS.replace("DAILY 0600-1100 1300-1800", "FRI 0600-1100"), ["D: 'FRI", "MON-FRI"]),
    "no item E": (NOTAMS.replace("E) TEMPORARY", "TEMPORARY"), ["A0101/25", "the items Q, A, B, C"]),

    "an address of letters": (OPENSKY.replace("4b1234", "swr012", 1), ["line 2: icao24", "six hexadecimal"]),
    "altitudes in words": (OPENSKY.replace("6096.0", "high", 1), ["line 2: baroaltitude", "decimal number"]),
    "a place off the Earth": (OPENSKY.replace("46.5,7.5", "46.5,750", 1), ["line 2: longitude", "750"]),
    "a state too short": ('{"time": 1748786410, "states": [["4b1234"]]}', ["states[0]", "17 values"]),
    "an entry too short": ('{"icao": "4b1234", "timestamp": 1, "trace": [[1, 2, 3]]}', ["trace[0]", "a list of 3"]),
    "flags in words": (TRACE_TEXT.replace("90.0, 2,", '90.0, "2",'), ["trace[1]: [6]"]),
    "a trace of nobody": (TRACE_TEXT.replace("4b1234", ""), ["icao", "six hexadecimal"]),
    "a message of another kind": (SBS.replace("MSG,4", "MSG,9"), ["line 4: transmission type", "'9'"]),
    "another program's line": (SBS.replace("MSG,4", "ALT,4"), ["line 4", "'ALT'"]),
    "a message that was cut": (SBS[:-20], ["line 6", "fields", "22"]),
    "two times that differ": (FLIGHTRADAR24.replace("14:01:00Z", "16:01:00Z"), ["line 3: UTC", "16:01:00Z"]),
    "one number for a place": (FLIGHTRADAR24.replace('"46.5,7.5"', "46.5"), ["line 3: Position", "latitude,longitude"]),
    "no date": (IGC.replace("HFDTEDATE:310525,01\r\n", ""), ["line 9: date", "HFDTE"]),
    "a thirteenth month": (IGC.replace("310525,01", "311325,01"), ["line 3: date"]),
    "another datum": (IGC.replace("WGS-1984", "ED50"), ["line 7: datum", "ED50", "WGS 84"]),
    "a recorder without pressure": (
        IGC.replace("01500016", "00000016").replace("01510016", "00000016").replace("01520016", "00000016")
        .replace("01530016", "00000016"),
        ["B records", "1013.25", "GPX"],
    ),
    "a fix out of order": (IGC.replace("B235958", "B235955"), ["line 11: time", "not before"]),
    "a fix that was cut": (IGC.replace("EA0151001622", "EA01"), ["line 11", "a B record"]),
    "sixty minutes": (IGC.replace("4630020N", "4660020N"), ["line 11: position", "60 minutes"]),
    "a line of another format": (IGC.replace("LABC", "?ABC"), ["line 15", "?ABC"]),
    "a route without speed": (
        GPX.replace("<trk>", "<rte><rtept lat='1' lon='2'><ele>9</ele></rtept>"
                    "<rtept lat='1' lon='3'><ele>9</ele></rtept></rte><trk>", 1),
        ["rte: speed", "--speed"],
    ),
    "a track point without time": (
        GPX.replace("<time>2025-06-01T14:00:00Z</time>", ""), ["trkpt: time", "Without times"],
    ),
    "a track point without altitude": (GPX.replace("<ele>910</ele>", ""), ["trkpt: ele", "mean sea level"]),
    "a second altitude": (GPX.replace("<sat>9</sat>", "<ele>9</ele>"), ["ele", "a second one in trkpt"]),
    "an element of others outside extensions": (GPX.replace("<sat>9</sat>", "<x:alt>9</x:alt>"), ["alt", "of urn:x"]),
    "faster than any aircraft": (GPX.replace('lat="46.5" lon="7.501"', 'lat="47.5" lon="7.501"'), ["m/s"]),
    "one name for two tracks": (
        GPX.replace("</trk>", "</trk><trk><name>Survey 1~2</name><trkseg><trkpt lat='1' lon='1'><ele>1</ele>"
                    "<time>2025-06-01T14:00:00Z</time></trkpt></trkseg></trk>"),
        ["name", "Survey-1~2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named(refused, what):
    content, expected = WRONG[what]
    line = refused(content)
    for fragment in expected:
        assert fragment in line, line
    assert line.isprintable()


SPELLINGS = {
    "semicolons": CSV.replace(",", ";"),
    "tabs": CSV.replace(",", "\t"),
    "names in other letters": CSV.replace("timestamp,icao24", "Timestamp,ICAO24").replace("onground", "On_Ground"),
    "nothing in words": CSV.replace("d4e5f6,,36.60,-121.60,,true,", "d4e5f6,null,36.60,-121.60,NaN,true,None"),
    "the ground in place of an altitude": CSV.replace("-121.60,,true,", "-121.60,ground,,"),
}


@pytest.mark.parametrize("how", SPELLINGS)
def test_what_spreadsheets_and_scripts_make_of_a_csv_is_the_same_file(load, how):
    assert SPELLINGS[how] != CSV
    assert load(SPELLINGS[how]) == load(CSV)


def test_a_column_that_says_what_others_mean_is_never_left_unread(refused):
    text = CSV.replace("onground", "altitude_unit").replace(",false,", ",m,").replace(",true,", ",m,")
    assert "'altitude_unit'" in refused(text)


@pytest.mark.parametrize("word", ["", "null", "NaN"])
def test_an_address_that_is_none_joins_nobody(refused, word):
    assert "row 2: icao24" in refused(CSV.replace("a1b2c3", word, 1))


def test_decimal_commas_are_refused(refused):
    assert "decimal number" in refused(CSV.replace(",", ";").replace("36.50", "36,50"))
