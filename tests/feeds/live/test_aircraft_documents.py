"""aircraft.json: each new position once, the origin of each told apart, broken aircraft counted alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web
from heard import Ear, settings
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.live.aircraft_documents import AircraftDocuments
from detente.feeds.live.decoding import check_sighting
from detente.feeds.live.health import FeedState
from detente.feeds.live.settings import FeedKind
from detente.watch.sighting import SightingSource

SAMPLE = Path(__file__).parents[2] / "data" / "feed_samples" / "aircraft.json"


def document(*aircraft: object, now: float = 1_700_000_000.0) -> bytes:
    return json.dumps({"now": now, "aircraft": aircraft}).encode()


def aircraft(**said: object) -> dict[str, object]:
    return {"hex": "a3e31a", "lat": 35.0, "lon": -110.0, "seen_pos": 1.0, **said}


def test_a_recorded_document_gives_every_position_once() -> None:
    decoder = AircraftDocuments("roof")
    content = SAMPLE.read_bytes()
    said = {one["hex"]: one for one in json.loads(content)["aircraft"]}
    found = decoder.take(content, 1_800_000_000.0)
    assert {one.address for one in found} == {name for name, one in said.items() if "lat" in one}
    assert (decoder.tally.messages, decoder.tally.errors) == (len(said), 0)
    one = next(one for one in found if one.address == "a3e31a")
    assert one.at_s == pytest.approx(1_700_513_836.875 - 1.939)
    assert one.callsign == "N35GR"
    assert one.pressure_altitude_m == pytest.approx(13_716.0)
    assert one.geometric_altitude_m == pytest.approx(13_929.36)
    assert one.ground_speed_mps == pytest.approx(251.5633, abs=1e-3)
    assert (one.integrity_m, one.integrity_level, one.horizontal_error_m) == (186.0, 3, 10.0)
    assert (one.vertical_error_m, one.velocity_error_mps, one.category) == (45.0, 3.0, "A3")
    assert decoder.take(content, 1_800_000_001.0) == []


@pytest.mark.parametrize(
    ("said", "source"),
    [({"type": "adsb_icao"}, SightingSource.ADSB), ({"type": "adsr_icao"}, SightingSource.ADSR),
     ({"type": "tisb_trackfile"}, SightingSource.TISB),
     ({"type": "tisb_other", "hex": "~a3e31a"}, SightingSource.TISB), ({"type": "mlat"}, SightingSource.MLAT),
     ({"type": "adsc"}, SightingSource.OTHER),
     ({}, SightingSource.ADSB), ({"type": "adsb_icao", "mlat": ["lat", "lon"]}, SightingSource.MLAT),
     ({"tisb": ["lat"]}, SightingSource.TISB),
     ({"type": "adsb_icao", "mlat": ["gs"]}, SightingSource.ADSB)],
)  # fmt: skip
def test_what_was_rebroadcast_or_reckoned_is_told_apart(said: dict[str, object], source: SightingSource) -> None:
    (one,) = AircraftDocuments("roof").take(document(aircraft(**said)), 1_700_000_000.0)
    assert one.source is source


def test_a_broken_aircraft_is_counted_and_the_others_heard() -> None:
    decoder = AircraftDocuments("roof")
    broken = [aircraft(hex="xyz"), aircraft(lat=95.0), aircraft(seen_pos=None), aircraft(alt_baro="high"), 7,
              aircraft(gs="fast"), aircraft(seen_pos=-5.0)]  # fmt: skip
    found = decoder.take(document(*broken, aircraft(hex="~123456", alt_baro="ground")), 1_700_000_000.0)
    assert [(one.address, one.on_ground, one.pressure_altitude_m) for one in found] == [("~123456", True, None)]
    assert (decoder.tally.errors, decoder.tally.messages) == (len(broken), 1)


def test_only_a_newer_position_is_given_again() -> None:
    decoder = AircraftDocuments("roof")
    assert len(decoder.take(document(aircraft(seen_pos=1.0)), 1.0)) == 1
    assert decoder.take(document(aircraft(seen_pos=2.0), now=1_700_000_001.0), 2.0) == []
    assert len(decoder.take(document(aircraft(seen_pos=0.5), now=1_700_000_001.0), 2.0)) == 1


def test_documents_are_asked_for_over_http_and_an_answer_without_one_is_an_error() -> None:
    async def story() -> None:
        answers = [document(aircraft(lat=35.0 + step), now=1_700_000_000.0 + step) for step in range(3)]

        async def answer(request: web.Request) -> web.Response:
            return web.Response(body=answers.pop(0)) if answers else web.Response(status=404)

        app = web.Application()
        app.router.add_get("/data/aircraft.json", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        feed = settings(FeedKind.AIRCRAFT_JSON, f"http://127.0.0.1:{port}/data/aircraft.json", poll_s=0.05)
        async with Ear(feed) as ear:
            await ear.until(lambda: ear.health().state is FeedState.WAITING)
            assert [one.latitude_deg for one in ear.sightings] == [35.0, 36.0, 37.0]
            error = ear.health().last_error
            assert error is not None
            assert error.code == "feeds_live.answer"
        await runner.cleanup()

    asyncio.run(story())


def test_a_file_is_read_whenever_it_was_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "aircraft.json"
    file.write_bytes(document(aircraft()))

    async def story() -> None:
        async with Ear(settings(FeedKind.AIRCRAFT_JSON, str(file), poll_s=0.05)) as ear:
            await ear.until(lambda: ear.sightings)
            newer = tmp_path / "newer"
            newer.write_bytes(document(aircraft(lat=36.0), now=1_700_000_002.0))
            newer.replace(file)
            await ear.until(lambda: len(ear.sightings) == 2)
            file.unlink()
            await ear.until(lambda: ear.health().state is FeedState.WAITING)

    asyncio.run(story())


MEMBERS = st.sampled_from(["hex", "lat", "lon", "now", "aircraft", "seen_pos", "type"])
JSON = st.recursive(
    st.none() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=30,
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_document_or_an_error(data: bytes) -> None:
    decoder = AircraftDocuments("roof")
    for one in decoder.take(data, 1_000.0):
        check_sighting(one)
    assert len(decoder.take(document(aircraft()), 1_000.0)) == 1
