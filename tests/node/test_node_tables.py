"""What the commands beside a node print is for people: both units, times to the second, words and no codes."""

from __future__ import annotations

import re
from pathlib import Path

from parties import area_plan, two_parties

FLOWN = Path(__file__).parents[2] / "docs" / "samples" / "flown.csv"


def test_conflicts_and_measures_are_written_in_the_reader_s_units_and_language(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        north.imports(area_plan("N-1"))
        south.imports(area_plan("S-1"))
        north.until(lambda: north.get("/conflicts")["open"], "in conflict")
        listed = north.cli("conflicts").stdout
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", listed)
        conflict_id = north.get("/conflicts")["open"][0]["conflict"]["conflict_id"]
        proposed = north.cli("measure", "propose", conflict_id, "--level-m", "-609.6")
        assert "Proposed N-1 flies 2,000 ft (610 m) lower as measure" in proposed.stdout, proposed.stderr
        assert "2,000 ft (610 m) lower" in " ".join(north.cli("measure", "list").stdout.split())
        assert "2 000 ft (610 m) plus bas" in north.cli("measure", "list", language="fr").stdout.replace("\u202f", " ")


def test_what_an_import_leaves_out_is_said_in_words(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _):
        assert north.cli("plan", "import", str(FLOWN)).stderr.endswith("1 report left out: on the ground\n")
        assert "1 position" in north.cli("plan", "import", str(FLOWN), language="fr").stderr


def test_the_accord_of_a_file_is_listed_and_says_why_nobody_can_suspend_it(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _):
        (listed,) = north.get("/accords")
        assert (listed["peer"], listed["standing"]) == ("south", "in_force")
        prefix = listed["accord_hash"][:12]
        assert prefix in north.cli("accord", "list").stdout
        assert "[[parties]]" in north.cli("accord", "show", prefix).stdout
        refused = north.cli("accord", "suspend", prefix, "--reason", "an aircraft was lost")
        assert refused.returncode == 2
        assert "nobody signed it" in refused.stderr
        unknown = north.cli("line", "stop", "--peer", "nobody")
        assert unknown.returncode == 2
        assert "south" in unknown.stderr
