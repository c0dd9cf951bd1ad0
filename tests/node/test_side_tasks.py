"""What the system denies a task beside the line: the node goes on, and says it wherever people look."""

from __future__ import annotations

import asyncio
import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from parties import Party, two_parties
from test_disk_space import fill, send_stop
from test_stop_delivery import metrics

from detente.airspace.refusal import Refusal
from detente.node import side_tasks
from detente.node.disk_space import RESERVE_FILE, DiskSpace
from detente.node.side_tasks import SAID_FOR, SideTasks
from detente.settings.configuration import DiskSettings

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def moved(party: Party, path: Path) -> None:
    """Rename a node's directory while it runs."""
    party.path.rename(path)
    party.path = path


def test_a_moved_directory_is_said_everywhere_and_ends_no_line(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        before = north.path
        moved(north, tmp_path / "elsewhere")
        north.until(lambda: north.get("/status")["failing_tasks"], "says that its directory is gone")
        told = {one["task"]: one for one in north.get("/status")["failing_tasks"]}
        assert str(before) in told["disk"]["why"]
        assert 'detente_side_task_failing{task="disk"} 1.0' in metrics(north)
        assert 'detente_side_task_failing{task="line"} 0.0' in metrics(north)
        assert 'the task "disk" beside the line fails' in north.cli("status").stderr
        assert "Put back the directory" in north.cli("doctor").stdout
        send_stop(south, north, 1)
        send_stop(north, south, 1)
        moved(north, before)
        north.until(lambda: not north.get("/status")["failing_tasks"], "is well again")
        assert north.cli("status").stderr == ""
        assert north.stop() == 0


def test_the_disk_is_measured_where_the_directory_went(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    space = DiskSpace(here, DiskSettings(reserve_mb=8, most_mb=200))
    space.check_measured()
    here.rename(there)
    fill(there, 10.0)
    free_bytes = space.look().free_bytes
    with pytest.raises(FileNotFoundError, match="here"):
        space.check_measured()
    here.mkdir()
    with pytest.raises(FileNotFoundError, match="another directory"):
        space.check_measured()
    assert 0 < free_bytes < 185 * 2**20
    fill(there, 191.0)
    space.look()
    assert not (there / RESERVE_FILE).exists(), "the reserve is given up, where it is"
    space.close()


def test_a_disk_that_cannot_be_measured_stands_as_it_did(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path, DiskSettings(reserve_mb=8, most_mb=200))
    before = space.look()
    space.close()
    assert space.look() == before
    with pytest.raises(OSError, match="Bad file descriptor"):
        space.check_measured()


def fails(*faults: BaseException) -> tuple[list[str], object]:
    """Work that fails with each fault in turn and then goes on, and what it has done."""
    done: list[str] = []
    left = list(faults)

    async def work() -> None:
        done.append("begun")
        if left:
            raise left.pop(0)
        done.append("over")

    return done, work


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.EIO, "the disk fails"),
        Refusal("node.paired_party", "peer", "south"),
        ExceptionGroup("deliveries", [OSError(errno.EMFILE, "no descriptor is left")]),
    ],
)
def test_a_task_that_is_denied_something_is_begun_again(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_tasks, "AGAIN_S", (0.0,))
    times = [BEGIN]
    tasks = SideTasks(lambda: times[-1])
    done, work = fails(fault, fault)
    asyncio.run(_done(tasks, work))
    assert done == ["begun", "begun", "begun", "over"]
    assert [one.task for one in tasks.failing()] == ["cards"]
    times.append(BEGIN + SAID_FOR + timedelta(seconds=1))
    assert tasks.states() == {"cards": False}


@pytest.mark.parametrize("fault", [KeyError("ours"), ExceptionGroup("two", [OSError("disk"), KeyError("ours")])])
def test_any_other_fault_is_raised(fault: Exception) -> None:
    _, work = fails(fault)
    with pytest.raises((KeyError, ExceptionGroup)):
        asyncio.run(_done(SideTasks(lambda: BEGIN), work))


async def _done(tasks: SideTasks, work: object) -> None:
    await tasks.keep("cards", work)  # type: ignore[arg-type]
