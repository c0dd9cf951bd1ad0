"""Recorded tracks as GPX and KML: a silence of minutes is no straight leg; planned paths stay as they were drawn."""

from datetime import UTC, datetime, timedelta

import pytest

from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions, load_plans

BEGIN = datetime(2025, 6, 1, 14, tzinfo=UTC)
ABSOLUTE = LoadOptions(kml=KmlOptions())


def moment(seconds: float) -> str:
    return f"{BEGIN + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def gpx(seconds, extra="") -> str:
    points = "".join(
        f'<trkpt lat="46.5" lon="{7.5 + s / 1000:.4f}"><ele>900</ele><time>{moment(s)}</time>{extra}</trkpt>'
        for s in seconds
    )
    return (
        '<gpx version="1.1" creator="hand" xmlns="http://www.topografix.com/GPX/1/1">'
        f"<trk><name>Flown</name><trkseg>{points}</trkseg></trk></gpx>"
    )


def kml(seconds) -> str:
    whens = "".join(f"<when>{moment(s)}</when>" for s in seconds)
    coords = "".join(f"<gx:coord>{7.5 + s / 1000:.4f} 46.5 900</gx:coord>" for s in seconds)
    return (
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document><Placemark>'
        f"<name>Flown</name><gx:Track><altitudeMode>absolute</altitudeMode>{whens}{coords}</gx:Track>"
        "</Placemark></Document></kml>"
    )


@pytest.fixture
def load(tmp_path):
    def read(content):
        path = tmp_path / "file"
        path.write_text(content)
        return load_plans(path, ABSOLUTE)

    return read


@pytest.mark.parametrize("made", [gpx, kml])
def test_a_silence_of_a_recording_widens_its_leg_and_is_counted(load, made):
    seconds = [*range(0, 100, 5), *range(400, 500, 5)]
    plans, dropped, *_ = load(made(seconds))
    (trajectory,) = (plan.intent for plan in plans)
    wide = [number for number, leg in enumerate(trajectory.leg_containments) if leg.lateral_m > 0.0]
    assert wide == [19]
    # 305 s at some 77 m/s and a twentieth more: aside by what is left of the way over the straight line.
    assert 3_500.0 < trajectory.leg_containments[19].lateral_m < 4_000.0
    assert trajectory.leg_containments[19].vertical_m > 1_000.0
    assert {entry.reason: entry.count for entry in dropped} == {DropReason.SILENCE: 1}
    assert read_geojson(write_geojson(plans)) == plans


@pytest.mark.parametrize("made", [gpx, kml])
@pytest.mark.parametrize("seconds", [range(0, 100, 5), range(0, 6_000, 300), [0, 5, 10, 400]])
def test_a_path_without_silence_or_of_a_planner_stays_as_it_is(load, made, seconds):
    plans, dropped, *_ = load(made(seconds))
    assert plans[0].intent.leg_containments == ()
    assert plans[0].intent.containment.lateral_m == 0.0
    assert dropped == ()


def test_a_height_of_before_is_no_height(load):
    with pytest.raises(Refusal, match="ele: '2d'; expected an altitude with every position"):
        load(gpx([0, 5], "<fix>2d</fix>"))


def test_a_ring_that_does_not_close_is_no_path(load):
    ring = (
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><TimeSpan><begin>2025-06-01T14:00:00Z</begin>'
        "<end>2025-06-01T15:00:00Z</end></TimeSpan><LinearRing><altitudeMode>absolute</altitudeMode>"
        "<coordinates>7,46,900 8,46,900 8,47,900{end}</coordinates></LinearRing></Placemark></kml>"
    )
    assert len(load(ring.format(end=" 7,46,900")).plans[0].intent.waypoints) == 4
    with pytest.raises(Refusal, match="coordinates"):
        load(ring.format(end=""))
