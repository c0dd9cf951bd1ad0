"""A disk that fills: warned of, planning refused first, then all but STOP and the line, and it goes on with space."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from parties import Party, area_plan, two_parties
from test_node_durability import planning
from test_stop_delivery import metrics

from detente.cli.exit_codes import ExitCode
from detente.node.disk_space import RESERVE_FILE, DiskFullRefusal, DiskSpace, DiskState
from detente.room.channel import Channel
from detente.settings.configuration import MEGABYTE, DiskSettings

SETTINGS = DiskSettings(reserve_mb=8, most_mb=200)
TIERS = (Channel.PLANNING, Channel.ROOMS, Channel.STOP)


def fill(folder: Path, megabytes: float) -> None:
    """Take so much of the disk, no more and no less."""
    with (folder / "other").open("wb") as other:
        if megabytes:
            os.posix_fallocate(other.fileno(), 0, int(megabytes * MEGABYTE))


def refused(space: DiskSpace) -> list[Channel]:
    found = []
    for channel in TIERS:
        try:
            space.check(channel)
        except DiskFullRefusal:
            found.append(channel)
    return found


def test_what_is_refused_as_the_disk_fills_and_as_it_empties(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path, SETTINGS)
    reserve = tmp_path / RESERVE_FILE
    # Of 200 MB 8 are the reserve; planning needs 16 beside it, all else but the line 8.
    filling = [
        (100.0, DiskState.ENOUGH, [], True),
        (173.0, DiskState.LOW, [], True),
        (178.0, DiskState.NO_PLANNING, [Channel.PLANNING], True),
        (186.0, DiskState.LINE_ONLY, [Channel.PLANNING, Channel.ROOMS], True),
        (191.0, DiskState.LINE_ONLY, [Channel.PLANNING, Channel.ROOMS], False),
    ]
    emptying = [
        (186.0, DiskState.LINE_ONLY, [Channel.PLANNING, Channel.ROOMS], False),
        (178.0, DiskState.NO_PLANNING, [Channel.PLANNING], True),
        (0.0, DiskState.ENOUGH, [], True),
    ]
    for taken, state, refuses, has_reserve in (*filling, *emptying):
        fill(tmp_path, taken)
        assert space.look().state is state, taken
        assert refused(space) == refuses, taken
        assert reserve.exists() is has_reserve, taken
    assert reserve.stat().st_blocks * 512 >= 8 * MEGABYTE, "it is there, and no hole in a file"
    assert reserve.stat().st_mode & 0o777 == 0o600


def test_what_is_large_needs_more_space(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path, SETTINGS)
    fill(tmp_path, 150.0)
    space.check(Channel.PLANNING, 4 * MEGABYTE)
    with pytest.raises(DiskFullRefusal, match="at least 64 MB free"):
        space.check(Channel.PLANNING, 8 * MEGABYTE)


def send_stop(sender: Party, other: Party, number: int) -> None:
    assert sender.post("/line/stop", {})["message_ids"] == [f"{other.name} {sender.name}:{number}"]
    other.until(
        lambda: other.ask("GET", f"/line/messages/{sender.name}/{sender.name}:{number}").status == 200, "has the STOP"
    )


def test_a_node_on_a_full_disk_says_so_lets_stop_through_and_goes_on_with_space(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        with north.files.config_path.open("a") as settings:
            settings.write("[disk]\nreserve_mb = 8\nmost_mb = 200\n")
        north.start()
        south.start()
        north.imports(area_plan("before"))
        assert north.get("/status")["disk"]["state"] == "enough"
        fill(north.path, 178.0)
        answer = north.ask("POST", "/plans", {"plans": [area_plan("after", 1.0)]})
        assert answer.status == 507
        assert answer.json["field"] == "disk"
        assert "The disk is full" in answer.json["mend"]
        north.post("/members/add", {"member": "west"})
        assert "DISK FULL" in north.cli("status").stderr
        assert "DISQUE PLEIN" in north.cli("status", language="fr").stderr
        examined = north.cli("doctor")
        assert examined.returncode == ExitCode.TO_MEND
        assert "DISK FULL" in examined.stdout, "as far as the node may fill it"
        assert north.ask("GET", "/ready", token=None).status == 200, "the line goes on"
        fill(north.path, 191.0)
        assert north.ask("POST", "/members/add", {"member": "east"}).status == 507
        # What the peer plans waits at the peer, which is told why; its STOP passes, and so does ours.
        south.imports(area_plan("from-south", 2.0))
        south.until(lambda: "disk_full" in (planning(south)["detail"] or ""), "is told that the disk is full")
        send_stop(south, north, 1)
        send_stop(north, south, 1)
        assert "Only STOP and the line go on" in north.cli("status").stderr
        free = next(line for line in metrics(north).splitlines() if line.startswith("detente_disk_free_bytes "))
        assert float(free.split()[1]) < 8 * MEGABYTE
        log = north.log()
        assert "the disk is full: the reserve is given up to the line" in log
        assert '"state": "no_planning"' in log
        fill(north.path, 0.0)
        north.imports(area_plan("after", 1.0))
        north.until(lambda: north.get("/status")["plans"].get("south") == 1, "hears what waited")
        assert north.get("/status")["disk"]["state"] == "enough"
        assert (north.path / RESERVE_FILE).exists()
        assert north.cli("status").stderr == ""
