"""The watch of a running node: a feed on a socket, tracks over HTTP, and a process that may die at any time."""

from __future__ import annotations

import gzip
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from feed_source import FeedSource, cruising, feeds_toml, flying, watch_process
from parties import Party, two_parties


@pytest.fixture
def source() -> Iterator[FeedSource]:
    found = FeedSource()
    yield found
    found.close()


@pytest.fixture
def parties(tmp_path: Path, source: FeedSource) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path / "nodes", start=False) as (north, south):
        (north.path / "feeds.toml").write_text(feeds_toml(("tower", f"tcp://127.0.0.1:{source.port}", False)))
        north.start()
        yield north, south


def tracks(party: Party) -> list[dict[str, Any]]:
    """The tracks of a party's node, each by the names of its columns; none while there is no watch."""
    answer = party.ask("GET", "/watch/tracks")
    if answer.status == 404:
        return []
    return [dict(zip(answer.json["columns"], row, strict=True)) for row in answer.json["tracks"]]


def addresses(party: Party) -> set[str]:
    return {address for track in tracks(party) for address in track["addresses"]}


def sees(party: Party, source: FeedSource, *wanted: str) -> None:
    """Fly these aircraft until the node's watch shows them."""

    def shown() -> bool:
        source.send(cruising(address, 34.0 + number / 10) for number, address in enumerate(wanted))
        return addresses(party) >= set(wanted)

    party.until(shown, f"shows {wanted}")


def standing(party: Party) -> dict[str, Any] | None:
    found: dict[str, Any] | None = party.get("/watch/feeds")["standing"]
    return found


def test_what_a_feed_shows_is_told_with_age_source_and_both_units(parties, source):
    north, _ = parties
    sees(north, source, "43c6f1")
    (track,) = tracks(north)
    assert track["addresses"] == ["43c6f1"]
    assert track["feeds"] == ["tower"]
    assert track["sources"] == ["adsb"]
    assert track["pressure_altitude_m"] == pytest.approx(3_000, abs=200)
    assert track["pressure_altitude_ft"] == pytest.approx(track["pressure_altitude_m"] / 0.3048, abs=2)
    assert track["geometric_altitude_m"] is None
    assert track["horizontal_error_m"] > 0
    assert track["age_s"] >= 0
    feeds = north.get("/watch/feeds")
    assert [(feed["name"], feed["standing"], feed["errors"]) for feed in feeds["feeds"]] == [("tower", "live", 0)]
    assert feeds["standing"]["runs"] is True
    north.until(lambda: "tower" in north.get("/watch/feeds")["changes"], "has written down how its feed stands")


@pytest.mark.long
def test_tracks_are_told_compressed_and_once(parties, source):
    north, _ = parties
    sees(north, source, "43c6f1")
    headers = {"Accept-Encoding": "gzip", "Authorization": f"Bearer {north.token}"}
    request = urllib.request.Request(north.url + "/watch/tracks", headers=headers)
    with urllib.request.urlopen(request) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert b'"columns"' in gzip.decompress(response.read())
    tag = north.ask("GET", "/watch/tracks").headers["etag"]
    answer = north.ask("GET", "/watch/tracks", headers={"If-None-Match": tag})
    assert (answer.status, answer.body) == (304, b"") or answer.headers["etag"] != tag


def test_a_node_without_feeds_has_no_watch(parties):
    _, south = parties
    south.start()
    assert south.get("/watch/feeds")["standing"] is None
    assert south.ask("GET", "/watch/tracks").status == 404
    assert watch_process(south) == 0


def test_a_watch_that_is_killed_is_said_and_started_again(parties, source):
    north, _ = parties
    sees(north, source, "43c6f1")
    first = watch_process(north)
    os.kill(first, signal.SIGKILL)
    north.until(lambda: watch_process(north) not in (0, first), "starts its watch again")
    sees(north, source, "43c6f2")
    north.until(lambda: standing(north)["runs"], "says that its watch runs")
    said = [line for line in north.ask("GET", "/journal?kind=watch").json["entries"] if "watch_standing" in str(line)]
    assert len(said) == 3, said


@pytest.mark.long
def test_a_watch_that_hangs_is_no_concern_of_the_node_and_ends_with_it(parties, source):
    north, _ = parties
    sees(north, source, "43c6f1")
    hung = watch_process(north)
    os.kill(hung, signal.SIGSTOP)
    try:
        assert north.get("/status")["party"] == "north"
        assert "43c6f1" in addresses(north)
        assert north.stop() == 0
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)
    finally:
        try:
            os.kill(hung, signal.SIGCONT)
        except ProcessLookupError:
            hung = 0


def test_the_watch_ends_when_the_node_is_killed(parties, source):
    north, _ = parties
    sees(north, source, "43c6f1")
    left = watch_process(north)
    assert left
    north.kill()
    north.until(lambda: not Path(f"/proc/{left}").exists(), "leaves no watch")


@pytest.mark.long
def test_other_feeds_are_taken_in_without_a_restart(parties, source):
    north, _ = parties
    sees(north, source, "43c6f1")
    other = FeedSource()
    (north.path / "feeds.toml").write_text(feeds_toml(("radar", f"tcp://127.0.0.1:{other.port}", False)))
    north.post("/reload")
    sees(north, other, "43c6f2")
    north.until(lambda: set(north.get("/watch/feeds")["changes"]) == {"radar"}, "has the other feed")
    (north.path / "feeds.toml").unlink()
    north.post("/reload")
    north.until(lambda: not standing(north)["runs"], "watches no more")
    assert north.ask("GET", "/watch/tracks").status == 404
    other.close()


def test_feeds_that_cannot_be_read_do_not_keep_the_node_from_running(parties):
    _, south = parties
    (south.path / "feeds.toml").write_text("[[feed]]\nname = 3\n")
    south.start()
    south.until(lambda: standing(south), "says that its watch does not run")
    found = standing(south)
    assert found is not None
    assert found["runs"] is False
    assert "feeds.toml" in found["why"]


@pytest.mark.long
def test_an_exercise_watches_what_was_recorded_or_injected_alone(tmp_path, source):
    names = ("EXERCISE-north", "EXERCISE-south")
    with two_parties(tmp_path / "nodes", start=False, names=names) as (north, _):
        live = f'[[feed]]\nname = "tower"\nkind = "sbs"\nwhere = "tcp://127.0.0.1:{source.port}"\n'
        (north.path / "feeds.toml").write_text(live)
        north.start()
        north.until(lambda: standing(north), "says that its watch does not run")
        assert "sbs" in north.get("/watch/feeds")["standing"]["why"]
        (north.path / "feeds.toml").write_text(feeds_toml(("injected", f"tcp://127.0.0.1:{source.port}", False)))
        north.post("/reload")
        sees(north, source, "43c6f1")


def test_a_flood_of_reports_does_not_hold_up_a_stop(parties, source):
    """Counts, not times: while a feed brings all it can, every STOP is taken in and shown, none is refused or lost."""
    north, south = parties
    south.start()
    sees(north, source, "43c6f1")
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            source.send(flying(f"{number:06x}", 30.0 + number % 100 / 20, number / 40.0) for number in range(2_000))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        sent = {name.split()[1] for _ in range(10) for name in north.post("/line/stop", {})["message_ids"]}
        assert len(sent) == 10
        south.until(lambda: {one["message_id"] for one in south.get("/line/messages")} >= sent, "shows every STOP")
        assert north.get("/watch/feeds")["sightings"] > 0
    finally:
        over.set()
        flooding.join()
