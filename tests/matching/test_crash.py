"""Killed at every place where it writes, and in the middle of its work: a run goes on and never shows a second set."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from match_parties import KEYS, RUN, circle

from detente.airspace.refusal import Refusal
from detente.matching.driver import Driver
from detente.matching.keeper import FolderKeeper
from detente.matching.steps import steps_of

SCRIPT = Path(__file__).with_name("killed_party.py")


@pytest.mark.long
def test_a_run_that_is_killed_wherever_it_writes_shows_one_set_only(tmp_path):
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, timeout=850, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    names = sorted(f"{step.name}.match" for chapter in range(3) for step in steps_of(chapter, 1))
    assert [sorted(contents) for contents in told["shown"]] == [names, names]
    assert all(len(digests) == 1 for contents in told["shown"] for digests in contents.values())
    assert told["ended"] > 80
    assert [sorted(names) for names in told["found"]] == [["a", "late-a"], ["b", "late-b"]]


def test_who_lost_the_secret_of_a_run_does_not_begin_it_again(tmp_path):
    plans = [circle("a", 36.5, -121.5)]
    Driver(RUN, KEYS[0], FolderKeeper(tmp_path), plans).next_message()
    before = (tmp_path / "out" / "1-commit.match").read_bytes()
    (tmp_path / "secret.json").unlink()
    (tmp_path / "work" / "order.json").unlink()
    with pytest.raises(Refusal, match="other bytes than before"):
        Driver(RUN, KEYS[0], FolderKeeper(tmp_path), plans).next_message()
    assert (tmp_path / "out" / "1-commit.match").read_bytes() == before
    assert not list((tmp_path / "out").glob("*.part"))
