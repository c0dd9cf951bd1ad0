"""Nobody but the owner reads a node's files, whatever the umask; a directory where others write is refused."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from parties import PATIENCE_S, area_plan, two_parties

import forked
from detente.settings.address import address_of


def test_no_file_of_a_node_can_be_read_by_others_whatever_the_umask(tmp_path: Path) -> None:
    made = subprocess.run(
        ["sh", "-c", f"umask 000 && {forked.program()} init --dir {tmp_path}/east --name east"], check=False
    )  # fmt: skip
    assert made.returncode == 0
    files = [path for path in (tmp_path / "east").rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [tmp_path / "east", tmp_path / "east" / "trusted"]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_no_file_of_a_running_node_can_be_opened_by_others_whatever_the_umask(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        (north.path / "node.lock").touch(0o666)
        given = {path.name for path in north.path.rglob("*")} - {"node.lock"}
        command = f'umask 000; exec {forked.program()} node --dir "{north.path}" 2>"{tmp_path}/log"'
        process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.DEVNULL)
        try:
            north.until(lambda: process.poll() is not None or address_of(north.path) is not None, "starts")
            north.session("anna", "observer")
            assert north.cli("backup", "--out", str(tmp_path / "backup.tar")).returncode == 0
            made = [path for path in (*north.path.rglob("*"), tmp_path / "backup.tar") if path.name not in given]
            open_to_others = {path.name: oct(path.stat().st_mode) for path in made if path.stat().st_mode & 0o077}
            assert len(made) > 8
            assert not open_to_others
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def test_what_an_earlier_release_left_readable_is_closed_when_the_node_starts(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _):
        north.imports(area_plan("a"))
        assert north.stop() == 0
        for path in north.path.glob("journal.sqlite*"):
            path.chmod(0o644)
        north.start()
        north.imports(area_plan("b"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in north.path.glob("journal.sqlite*")}
        assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("place", [".", "trusted", "trusted/south.json", "card.json"])
def test_a_node_does_not_start_where_others_could_put_a_key(tmp_path: Path, place: str) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        (north.path / place).chmod((north.path / place).stat().st_mode | 0o020)
        refused = north.cli("node")
        assert refused.returncode == 2
        assert "chmod go-w" in refused.stderr
