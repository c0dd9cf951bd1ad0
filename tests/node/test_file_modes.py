"""Nobody but the owner reads a node's files, whatever the umask; a directory where others write is refused."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from parties import area_plan, two_parties

import forked


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
