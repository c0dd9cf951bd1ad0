"""Killed at every place where it writes, and in the middle of its work: a run goes on and never shows a second set."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from match_parties import KEYS, RUN, circle

from detente.airspace.refusal import Refusal
from detente.matching.driver import Driver
from detente.matching.keeping import FolderKeeper

SCRIPT = Path(__file__).with_name("killed_party.py")


@pytest.mark.long
def test_a_run_that_is_killed_wherever_it_writes_shows_one_set_only(tmp_path):
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # Five messages of the run; of the late runs two as the late side and two as the other.
    assert [sorted(contents) for contents in told["shown"]] == [
        ["1-commit.match", "2-masked.match", "3-sealed.match", "4-answers.match", "5-reveal.match",
         "late-first-01-6-late.match", "late-first-01-8-late_reveal.match",
         "late-second-01-7-late_answer.match", "late-second-01-8-late_reveal.match"],
        ["1-commit.match", "2-masked.match", "3-sealed.match", "4-answers.match", "5-reveal.match",
         "late-first-01-7-late_answer.match", "late-first-01-8-late_reveal.match",
         "late-second-01-6-late.match", "late-second-01-8-late_reveal.match"],
    ]  # fmt: skip
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
