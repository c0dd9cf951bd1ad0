"""Alerts of a running node: from a sighting to a post, to a person, to claims and to the other side; kept and again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from feed_source import METRES_A_DEGREE, FeedSource, feeds_toml, flying
from parties import Party, two_parties

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, StandardPressure
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.lookout.kept_reports import ReportKeeper
from detente.settings.configuration import WatchSettings
from detente.watch.sighting import Sighting, SightingSource


def plan_here(plan_id: str) -> Plan:
    """Five kilometres around 34 north 20 east, 2,000 to 4,000 m on standard pressure, from now on."""
    band = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, StandardPressure()) for m in (2_000.0, 4_000.0)))
    now = datetime.now(UTC).replace(microsecond=0)
    window = TimeWindow(now - timedelta(minutes=10), now + timedelta(hours=1))
    return Plan(plan_id, (Volume4D(Circle(Position(34.0, 20.0), 5_000.0), band, window),))


class Sky:
    """Aircraft that fly east or west at 34 north, each on its feed."""

    def __init__(self) -> None:
        self.began = time.time()
        self._flights: list[tuple[FeedSource, str, float, float, str]] = []

    def add(self, source: FeedSource, address: str, east_m: float, speed_mps: float, callsign: str = "") -> None:
        self._flights.append((source, address, east_m, speed_mps, callsign))

    def fly(self) -> None:
        """Show where all of them are now."""
        for source, address, east_m, speed_mps, callsign in self._flights:
            at_m = east_m + speed_mps * (time.time() - self.began)
            track_deg = 90.0 if speed_mps > 0 else 270.0
            source.send([
                flying(address, 34.0, 20.0 + at_m / METRES_A_DEGREE, ground_speed_mps=abs(speed_mps),
                       track_deg=track_deg, callsign=callsign)
            ])  # fmt: skip


@pytest.fixture
def sources() -> Iterator[tuple[FeedSource, FeedSource]]:
    found = FeedSource(), FeedSource()
    yield found
    for one in found:
        one.close()


@pytest.fixture
def parties(tmp_path: Path, sources: tuple[FeedSource, FeedSource]) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path / "nodes", start=False) as (north, south):
        names = zip(("tower", "ours"), sources, strict=True)
        text = feeds_toml(*((name, f"tcp://127.0.0.1:{one.port}", name == "ours") for name, one in names))
        (north.path / "feeds.toml").write_text(text)
        for party in (north, south):
            party.begin()
        north.wait()
        south.wait()
        for one in sources:
            one.connected()
        yield north, south


def alert(party: Party, kind: str, **query: str) -> dict[str, Any] | None:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return next((one for one in party.get(f"/watch/alerts?{asked}") if one["alert"]["kind"] == kind), None)


def comes(party: Party, sky: Sky, kind: str) -> dict[str, Any]:
    """Fly until there is an alert of this kind."""

    def shown() -> dict[str, Any] | None:
        sky.fly()
        return alert(party, kind)

    party.until(shown, f"alerts of {kind}")
    found = alert(party, kind)
    assert found is not None
    return found


@pytest.mark.long
def test_our_aircraft_outside_its_plan_is_told_to_the_other_side_and_so_is_its_return(parties, sources):
    north, south = parties
    north.imports(plan_here("P1"))
    sky = Sky()
    sky.add(sources[1], "43c6f1", -7_500.0, 200.0, "P1")
    found = comes(north, sky, "own_deviation")
    assert found["alert"]["subject"] == "P1"

    def told() -> list[dict[str, Any]]:
        sky.fly()
        return [one for one in south.get("/claims/deviations") if one["deviation"]["party"] == "north"]

    south.until(told, "hears of the deviation")
    (heard,) = told()
    assert heard["late_by_s"] == 0.0
    south.until(lambda: told()[0]["over"] is not None, "hears that it is over")
    assert len(told()) == 1


def test_an_alert_waits_for_a_person_and_becomes_an_observation(parties, sources):
    north, south = parties
    tower, ours = sources
    sky = Sky()
    sky.add(ours, "43c6f1", -10_000.0, 200.0, "NORTH1")
    sky.add(tower, "43c6f2", 10_000.0, -200.0)
    found = comes(north, sky, "separation")
    key = found["alert"]["key"]
    assert found["waits"]
    assert {address for track in found["tracks"] for address in track["addresses"]} == {"43c6f1", "43c6f2"}
    sides = {row[13] for row in north.get("/watch/tracks")["tracks"]}
    assert sides == {"ours", "unknown"}

    def called() -> bool:
        sky.fly()
        now = alert(north, "separation")
        return now is not None and now["called"] == "command"

    north.until(called, "calls every post for what is to be done now")
    assert key in north.get("/status")["watch"]["waiting"]
    listed = north.cli("watch", "alerts", "--waiting", "--quiet")
    assert key in listed.stdout.split(), listed.stderr
    taken = north.cli("watch", "take", key, "--post", "senior")
    assert taken.returncode == 0, taken.stderr
    assert north.get("/watch/alerts?waiting=true") == [one for one in north.get("/watch/alerts") if one["waits"]]
    now = alert(north, "separation")
    assert now is not None
    assert (now["waits"], now["taken_by"]) == (False, "senior")

    refused = north.ask("POST", f"/watch/alerts/{key.replace('|', '%7C')}/observe", {})
    assert (refused.status, refused.json["code"]) == (400, "api.one_track_of_alert")
    track = next(one["track_id"] for one in found["tracks"] if "43c6f2" in one["addresses"])
    done = north.cli("watch", "observe", key, "--track", track, "--quiet")
    assert done.returncode == 0, done.stderr
    observations = north.get("/claims/observations")
    assert [one["observation"]["observation_id"] for one in observations] == [done.stdout.strip()]

    # The journal has who has it, whatever happens to the node; and the other side has heard of nothing.
    north.kill()
    north.start()
    again = alert(north, "separation", ended="true")
    assert again is not None
    assert again["taken_by"] == "senior"
    assert south.get("/claims/observations") == []
    assert all(entry["kind"] != "watch" for entry in south.get("/journal")["entries"])


@pytest.mark.long
def test_who_flies_a_plan_can_be_said(parties, sources):
    north, _ = parties
    north.imports(plan_here("P1"))
    said = north.cli("watch", "flies", "43C6F1", "P1")
    assert said.returncode == 0, said.stderr
    assert north.get("/watch/flown") == {"43c6f1": "P1"}
    sky = Sky()
    sky.add(sources[0], "43c6f1", -7_500.0, 20.0)
    assert comes(north, sky, "own_deviation")["alert"]["subject"] == "P1"
    wrong = north.cli("watch", "flies", "43c6f1", "P9")
    assert wrong.returncode != 0
    assert "P9" in wrong.stderr


@pytest.mark.long
def test_what_was_kept_is_played_again_and_verified(parties, sources):
    north, _ = parties
    north.stop()
    # An hour whose reports were written, and which was not closed before the node ended.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    keeper = ReportKeeper(north.path / "watch", WatchSettings(leave_free_mb=64))
    seconds = [hour.timestamp() + second for second in range(60)]
    keeper.take([
        Sighting("tower", SightingSource.ADSB, at_s, at_s, 34.0,
                 20.0 + sign * 0.1 - sign * 0.002 * (at_s - seconds[0]), name,
                 pressure_altitude_m=3_000.0, ground_speed_mps=185.0, track_deg=90.0 if sign < 0 else 270.0,
                 horizontal_error_m=30.0, integrity_m=200.0, integrity_level=3)
        for at_s in seconds for sign, name in ((-1, "43c6f1"), (1, "43c6f2"))
    ])  # fmt: skip
    keeper.write(keeper.taken(hour.timestamp()))
    settings = north.path / "detente.toml"
    settings.write_text(settings.read_text() + '\n[watch]\nour_aircraft = ["43c6f1"]\n')
    north.start()
    north.until(lambda: north.get("/watch/feeds")["hours"], "has closed the hour")
    (kept,) = north.get("/watch/feeds")["hours"]
    assert kept["reports"] == 120
    north.stop()

    window = f"{hour:%Y-%m-%dT%H:%MZ}/{hour + timedelta(minutes=1):%Y-%m-%dT%H:%MZ}"
    played = north.cli("watch", "replay", "--window", window, "--json")
    assert played.returncode == 0, played.stderr
    looks = [json.loads(line) for line in played.stdout.splitlines()]
    assert len(looks) == 60
    assert looks[-1]["tracks"] == 2
    assert "separation" in {one["kind"] for look in looks for one in look["alerts"]}
    nothing = north.cli("watch", "replay", "--window", "2020-01-01T00:00Z/2020-01-01T00:01Z")
    assert nothing.returncode != 0
    assert "2020-01-01" in nothing.stderr

    assert north.cli("watch", "verify").returncode == 0
    file = north.path / "watch" / kept["file"]
    file.write_bytes(file.read_bytes() + b"x")
    changed = north.cli("watch", "verify", "--quiet")
    assert (changed.returncode, changed.stdout.split()) == (3, [kept["file"]])
    file.unlink()
    assert north.cli("watch", "verify").returncode == 3
