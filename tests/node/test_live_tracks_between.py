"""Two running nodes: what one sees of its own aircraft reaches the other's watch and its posts, as the accord says."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from feed_source import METRES_A_DEGREE, FeedSource, feeds_toml, flying
from parties import Party, accord_of, two_parties

from detente.accord.provisions import LiveLevel, LiveTrackTerms

OURS, THEIRS, QUIET = "43c6f1", "48ad02", "43c6f9"


def rows(party: Party) -> list[dict[str, Any]]:
    answer = party.ask("GET", "/watch/tracks")
    if answer.status == 404:
        return []
    return [dict(zip(answer.json["columns"], row, strict=True)) for row in answer.json["tracks"]]


def alerts(party: Party) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = party.get("/watch/alerts")
    return found


def test_what_one_party_tells_the_other_shows_calls_its_post_and_is_in_the_ledger(tmp_path: Path) -> None:
    watch = f'[watch]\nour_aircraft = ["{OURS}", "{QUIET}"]\ntheir_aircraft = ["{THEIRS}"]\n'
    # The nodes end before the sources do: nobody calls these any more.
    with closing(FeedSource()) as source, closing(FeedSource()) as far, two_parties(tmp_path, start=False) as parties:
        north, south = parties
        began = datetime.now(UTC)
        live = LiveTrackTerms(level=LiveLevel.ALL, every_s=5.0, posts=True)
        accord = accord_of(north, south)
        accord = msgspec.structs.replace(
            accord, provisions=msgspec.structs.replace(accord.provisions, live_tracks=live)
        )
        north.configure(accord, extra=watch)
        south.configure(accord, extra=f'[watch]\nour_aircraft = ["{THEIRS}"]\nleave_free_mb = 64\n')
        (north.path / "feeds.toml").write_text(feeds_toml(("tower", f"tcp://127.0.0.1:{source.port}", False)))
        # What south hears is none of these: it knows of them by what north tells.
        (south.path / "feeds.toml").write_text(feeds_toml(("mast", f"tcp://127.0.0.1:{far.port}", False)))
        north.start()
        south.start()

        def fly() -> None:
            near = 20.0 + 3_000.0 / METRES_A_DEGREE
            still = {"ground_speed_mps": 0.0}
            source.send([flying(OURS, 34.0, 20.0, **still), flying(THEIRS, 34.0, near, **still),
                         flying(QUIET, 40.0, 20.0, **still)])  # fmt: skip
            far.send([flying("4b0001", 10.0, 10.0, **still)])

        def shown() -> bool:
            fly()
            told = {address for row in rows(south) if row["feeds"] == ["peer:north"] for address in row["addresses"]}
            return told >= {OURS, QUIET}

        def called() -> bool:
            fly()
            return any(one["alert"]["key"].startswith("told:north:") and one["called"] for one in alerts(south))

        south.until(shown, "shows what north told of its aircraft")
        south.until(called, "calls a post for what north told")
        (told,) = [one for one in alerts(south) if one["alert"]["key"].startswith("told:north:")]
        assert THEIRS in told["words"]["why"]
        assert south.post(f"/watch/alerts/{told['alert']['key']}/take", {"by": "watch"})["events"] == ["alert_taken"]

        # The message to the other side is filled in from what our own watch sees of the aircraft that it named.
        def seen_here() -> bool:
            fly()
            far.send([flying(THEIRS, 34.0, 20.0 + 3_000.0 / METRES_A_DEGREE, ground_speed_mps=0.0)])
            key = told["alert"]["key"]
            return any(one["tracks"] for one in alerts(south) if one["alert"]["key"] == key)

        south.until(seen_here, "shows where its own aircraft is that north named")
        asked = south.cli("watch", "call", "told")
        assert asked.returncode == 0, asked.stderr
        north.until(lambda: any(one["code"] == "aircraft_near_you" for one in north.get("/line/messages")), "hears it")
        assert south.get("/watch/bias") == []
        assert south.cli("watch", "bias").returncode == 0
        said = {
            row["kind"]: row for row in msgspec.json.decode(north.cli("disclosed", "--peer", "south", "--json").stdout)
        }
        assert said["near_reported"]["level"] == said["tracks_reported"]["level"] == "all"
        assert said["tracks_reported"]["because"] == "accord: live_tracks"

        def answered() -> bool:
            seen_here()
            return any(one["alert"]["key"].startswith("told:south:") for one in alerts(north))

        # South's own feed shows the pair by now: it tells north in its turn.
        north.until(answered, "is told by south")

        # What was told then is played again beside what was heard, without a node.
        south.stop()
        window = f"{began:%Y-%m-%dT%H:%M:%SZ}/{datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
        played = south.cli("watch", "replay", "--window", window, "--tracks", "--json")
        assert played.returncode == 0, played.stderr
        tracks = [track for line in played.stdout.splitlines() for track in json.loads(line)["tracks"]]
        by_north = {address for one in tracks if one["feeds"] == ["peer:north"] for address in one["addresses"]}
        assert by_north >= {OURS, QUIET}
