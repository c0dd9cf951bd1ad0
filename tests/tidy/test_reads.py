"""What a caller is shown is durable: a node that is killed right after must not have forgotten it."""

from __future__ import annotations

from source_tree import SOURCE


def test_routes_read_where_runs_stand_only_when_it_is_durable() -> None:
    lines = (SOURCE / "api" / "routes" / "matching.py").read_text().splitlines()
    reading = [line for line in lines if "matching.runs" in line or "work.runs" in line]
    assert reading
    assert [line for line in reading if "loop.read(" not in line] == []
