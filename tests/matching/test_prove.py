"""What is too long for the tests runs at all: a thousandth of `make prove-matching`."""

import subprocess

import pytest

from test_docs import ROOT


@pytest.mark.long
def test_a_part_of_each_claim_is_proven_by_the_command():
    done = subprocess.run(
        ["make", "-o", "setup", "prove-matching", "PARTS=2000"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("|")] == [
        "20 runs, 120 questions in a list",
        "20 runs, 20 questions in a late list",
        "20 runs, 20 questions in a list",
        "50 pairs near the minima",
        "50 pairs near the minima",
    ]
