"""What the operator has drawn: files of areas, read again, and lines that are what both sides have said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detente.airspace.refusal import Refusal
from detente.feeds.boundaries import BoundaryLine
from detente.lookout.operator_areas import OperatorAreas
from detente.settings.configuration import WatchSettings
from detente.settings.map_boundaries import BoundarySet, add_boundaries
from detente.watch.alert import TrackSide
from detente.watch.boundary import boundary_hash

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FENCE = "AC R\nAN FENCE {name}\nAL {floor}\nAH FL200\nV X=34:00:00 N 021:00:00 E\nDC 5\n"
LINE = {"boundary_id": "river", "left": "north", "right": "south", "points": [[34.0, 20.0], [34.0, 21.0]]}


def drawn(directory: Path, **settings: Any) -> OperatorAreas:
    return OperatorAreas(directory, msgspec.convert(settings, WatchSettings), NOON)


def write(path: Path, name: str = "one", floor: str = "1000ft MSL") -> None:
    path.write_text(FENCE.format(name=name, floor=floor))


def test_a_geofence_binds_whom_it_says_and_is_read_again_every_day(tmp_path):
    write(tmp_path / "fence.txt")
    fences = drawn(tmp_path, geofences=[{"file": "fence.txt", "meaning": "keep_out", "binds": ["theirs", "unknown"]}])
    (area,) = fences.areas(NOON)
    assert (area.meaning.value, area.binds) == ("keep_out", (TrackSide.THEIRS, TrackSide.UNKNOWN))
    assert area.volume.area.radius_m == pytest.approx(9_260.0, rel=0.01)
    write(tmp_path / "fence.txt", "two")
    fences.refresh(NOON + timedelta(hours=23))
    assert fences.areas(NOON) == (area,)
    fences.refresh(NOON + timedelta(days=1))
    (again,) = fences.areas(NOON + timedelta(days=1))
    assert again.area_id != area.area_id
    # A file that is there no more: what was read goes on to hold.
    (tmp_path / "fence.txt").unlink()
    fences.refresh(NOON + timedelta(days=3))
    assert fences.areas(NOON + timedelta(days=3)) == (again,)


def test_a_file_that_cannot_be_used_is_refused_by_its_name(tmp_path):
    fence = [{"file": "fence.txt"}]
    with pytest.raises(Refusal) as refused:
        drawn(tmp_path, geofences=fence)
    assert "watch.geofences[0] fence.txt" in refused.value.field
    (tmp_path / "fence.txt").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(Refusal):
        drawn(tmp_path, geofences=fence)
    write(tmp_path / "fence.txt", floor="500ft AGL")
    with pytest.raises(Refusal):
        drawn(tmp_path, geofences=fence)
    assert drawn(tmp_path, geofences=[{"file": "fence.txt", "ground_elevation_m": 200.0}]).areas(NOON)


def test_a_boundary_is_the_line_that_both_sides_have_said(tmp_path):
    (line,) = drawn(tmp_path, boundaries=[LINE]).boundaries
    said = boundary_hash(line)
    assert drawn(tmp_path, boundaries=[{**LINE, "sha256": said}]).boundaries == (line,)
    for change in (
        {"buffer_m": 1.0},
        {"left": "south", "right": "north"},
        {"points": [[34.0, 20.0], [34.0, 21.00001]]},
    ):
        with pytest.raises(Refusal) as refused:
            drawn(tmp_path, boundaries=[{**LINE, **change, "sha256": said}])
        assert refused.value.code == "watch.boundary_as_agreed"
    with pytest.raises(Refusal):
        drawn(tmp_path, boundaries=[{**LINE, "datum": "Pulkovo 1942"}])


def test_a_line_of_the_map_is_a_boundary_with_the_hash_that_its_points_have(tmp_path):
    points = ((20.0, 34.0), (20.0, 34.0), (21.0, 34.0))
    twice = BoundaryLine("twice", ((1.0, 1.0), (2.0, 2.0)))
    add_boundaries(tmp_path, BoundarySet("borders", (BoundaryLine("River", points), twice, twice)))
    said = {name: value for name, value in LINE.items() if name != "points"}
    (line,) = drawn(tmp_path, boundaries=[LINE]).boundaries
    of_map = {**said, "map_set": "borders", "map_line": "River", "sha256": boundary_hash(line)}
    assert drawn(tmp_path, boundaries=[of_map]).boundaries == (line,)
    for change, code in (
        ({"map_set": "coasts"}, "node.boundaries_on_map"), ({"map_line": "twice"}, "watch.one_line_of_map"),
        ({"map_line": "Ridge"}, "watch.one_line_of_map"), ({"points": LINE["points"]}, "watch.points_or_map"),
        ({"map_set": ""}, "watch.points_or_map"),
    ):  # fmt: skip
        with pytest.raises((Refusal, msgspec.ValidationError)) as refused:
            drawn(tmp_path, boundaries=[{**of_map, **change}])
        assert getattr(refused.value, "code", code) == code
