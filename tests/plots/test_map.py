"""The map's layout, its SVG and its PNG."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import image
from plot_samples import MINIMA, crossing, flight

from detente.airspace.passes import compare
from detente.airspace.plan import Plan
from detente.airspace.separation import MinimaTable
from detente.console.files import PLACES, page_files
from detente.language import Language
from detente.plots.map import conflict_map
from detente.plots.map_png import conflict_map_png
from detente.plots.scene import LABEL_RADIUS, NUMBERED_MOST, Spot, crowd_window, map_scene, scale_bar, single_marks
from length import quickly


def spots(ours: list[Plan], theirs: list[Plan]) -> list[Spot]:
    found = compare(ours, theirs, MinimaTable(MINIMA)).passes
    return [Spot(number, one.encounter) for number, one in enumerate(found, start=1)]


def test_every_plan_is_on_the_map_whole() -> None:
    ours, theirs = crossing(5)
    scene = map_scene(ours, theirs, spots(ours, theirs), 1000.0)
    for side, plans in zip(scene.paths, (ours, theirs), strict=True):
        assert [line.title for line in side] == [plan.plan_id for plan in plans]
        for line in side:
            (piece,) = line.pieces
            assert (piece >= -0.01).all()
            assert (piece <= (scene.width + 0.01, scene.height + 0.01)).all()


def test_east_is_right_and_north_is_up() -> None:
    ours, theirs = crossing(1)
    scene = map_scene(ours, theirs, [], 1000.0)
    east, north = scene.paths[0][0].pieces[0], scene.paths[1][0].pieces[0]
    assert east[0, 0] < east[-1, 0]
    assert north[0, 1] > north[-1, 1]


def test_numbers_follow_severity_and_do_not_cover_one_another() -> None:
    ours, theirs = crossing(12)
    scene = map_scene(ours, theirs, spots(ours, theirs), 1000.0)
    assert [mark.spot.number for mark in scene.marks] == list(range(1, 13))
    # The samples are made so that every further pair passes a little farther apart.
    assert [mark.spot.encounter.first_plan_id for mark in scene.marks] == [f"EAST{n}" for n in range(12)]
    labels = np.array([(mark.label_x, mark.label_y) for mark in scene.marks])
    apart = np.hypot(*(labels[:, None, :] - labels[None, :, :]).transpose(2, 0, 1))
    assert apart[~np.eye(12, dtype=bool)].min() > 2.0 * LABEL_RADIUS


def test_only_so_many_are_numbered_and_the_rest_still_marked() -> None:
    ours, theirs = crossing(1)
    (worst,) = spots(ours, theirs)
    many = [Spot(number, worst.encounter) for number in range(1, NUMBERED_MOST + 6)]
    scene = map_scene(ours, theirs, many, 1000.0)
    assert sum(mark.numbered for mark in scene.marks) == NUMBERED_MOST
    drawing = ET.fromstring(conflict_map(scene, lambda spot: f"about {spot.number}"))
    assert sum(element.get("class") == "ring" for element in drawing.iter()) == 5
    titles = {element.text for element in drawing.iter("title")}
    assert {f"about {spot.number}" for spot in many} <= titles


def test_a_number_leads_to_its_conflict_and_one_that_is_left_is_a_diamond() -> None:
    ours, theirs = crossing(2)
    first, second = spots(ours, theirs)
    scene = map_scene(ours, theirs, [first, Spot(2, second.encounter, left=True)], 1000.0)
    drawing = ET.fromstring(conflict_map(scene, str))
    links = {link.get("href"): link for link in drawing.iter("a")}
    assert set(links) == {"#conflict-1", "#conflict-2"}
    assert links["#conflict-1"].find("circle") is not None
    assert links["#conflict-2"].find("path") is not None
    assert "left" in links["#conflict-2"].get("class", "")


def test_graticule_labels_say_where() -> None:
    ours, theirs = crossing(1)
    scene = map_scene(ours, theirs, [], 1000.0)
    assert "36°30′N" in {tick.label for tick in scene.left_ticks}
    assert "121°30′W" in {tick.label for tick in scene.bottom_ticks}
    half = next(tick for tick in scene.left_ticks if tick.label == "36°30′N")
    assert scene.paths[0][0].pieces[0][0, 1] < half.y  # the flight at 36.6 N is north of it


@pytest.mark.parametrize("latitude_deg", [89.9, -89.9])
def test_the_poles_have_a_graticule(latitude_deg: float) -> None:
    over = flight("P1", (latitude_deg, 0.0), (latitude_deg, 180.0))
    scene = map_scene([over], [], [], 800.0)
    assert len(scene.graticule) >= 12
    assert all(np.isfinite(line).all() for line in scene.graticule)


@settings(max_examples=quickly(100), deadline=None)
@given(st.floats(1e-6, 1e3), st.floats(20.0, 500.0))
def test_the_scale_bar_is_round_true_and_fits(units_per_m: float, most_units: float) -> None:
    bar = scale_bar(units_per_m, most_units)
    for length, units, metre in (
        (bar.nautical_miles, bar.nautical_units, 1852.0),
        (bar.kilometres, bar.kilometre_units, 1000.0),
    ):
        assert units == pytest.approx(length * metre * units_per_m)
        assert most_units / 2.51 <= units <= most_units * 1.000001
        assert f"{length:e}"[:8] in ("1.000000", "2.000000", "5.000000")


def test_the_scale_bar_measures_the_map() -> None:
    west_east = flight("M1", (36.6, -121.7), (36.6, -121.5))
    scene = map_scene([west_east], [], [], 1000.0)
    line = scene.paths[0][0].pieces[0]
    kilometres = np.hypot(*(line[-1] - line[0])) / scene.scale.kilometre_units * scene.scale.kilometres
    assert kilometres == pytest.approx(17.89, abs=0.02)  # 0.2 degrees of longitude at 36.6 N on WGS 84


@pytest.mark.parametrize("language", Language)
def test_the_png_is_a_picture_with_both_sides_and_the_coast(tmp_path: Path, language: Language) -> None:
    ours, theirs = crossing(6)
    path = tmp_path / "map.png"
    conflict_map_png(path, ours, theirs, spots(ours, theirs), language)
    assert path.read_bytes().startswith(b"\x89PNG")
    pixels = image.imread(path)[:, :, :3]
    assert min(pixels.shape[:2]) > 700

    def near(red: int, green: int, blue: int) -> float:
        return float((np.abs(pixels - np.array((red, green, blue)) / 255.0).max(axis=2) < 0.06).mean())

    assert near(0x00, 0x67, 0xA5) > 0.001
    assert near(0xD5, 0x5E, 0x00) > 0.001
    assert near(0xE9, 0xF0, 0xF5) > 0.05  # sea
    assert near(0xFC, 0xFB, 0xF7) > 0.05  # land
    assert near(0x15, 0x20, 0x2B) > 0.0005  # numbers


def test_a_png_of_nothing_is_still_a_map(tmp_path: Path) -> None:
    conflict_map_png(tmp_path / "empty.png", [], [], [])
    assert (tmp_path / "empty.png").stat().st_size > 1_000


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        conflict_map_png(tmp_path / "absent" / "map.png", [], [], [])


def test_path_data_is_compact() -> None:
    ours, theirs = crossing(1)
    drawing = conflict_map(map_scene(ours, theirs, [], 1000.0), str)
    assert not re.search(r"\d\.\d{3}", drawing)


def test_airports_and_cities_are_named_and_cover_neither_each_other_nor_a_number() -> None:
    ours, theirs = crossing(3)
    scene = map_scene(ours, theirs, spots(ours, theirs), 1000.0)
    names = {place.name for place in scene.places}
    assert "KMRY Monterey" in names
    boxes = [(p.x - 5.0, p.y - 6.5, p.x + 5.0 + 5.6 * len(p.name), p.y + 6.5) for p in scene.places]
    boxes += [(m.label_x - 9.0, m.label_y - 9.0, m.label_x + 9.0, m.label_y + 9.0) for m in scene.marks]
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            apart = one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]
            assert apart or number >= len(scene.places)  # two numbers are kept apart by a test of their own


def test_no_name_has_lost_a_letter() -> None:
    """A table in an encoding that has not the letter has a question mark, or a control character, in its place."""
    rows = page_files()[PLACES].body.decode().splitlines()[1:]
    names = [row.split("\t")[1] for row in rows]
    assert {"Osaka", "Chişinău", "København"} <= set(names)
    assert [name for name in names if not re.fullmatch(r"[^\W_]*(?:[ .,&'’-]+[^\W_]+)*\.?", name)] == []


def test_a_crowd_has_one_number_on_the_map_and_all_of_them_in_the_inset() -> None:
    ours, theirs = crossing(1)
    (worst,) = spots(ours, theirs)
    crowd = [Spot(number, worst.encounter) for number in range(1, 9)]
    far = [flight("FAR", (46.0, 8.0), (46.0, 9.0))]
    scene = map_scene([*ours, *far], theirs, crowd, 1000.0, gathers=True)
    assert [(mark.spot.number, mark.others) for mark in scene.marks if mark.numbered] == [(1, 7)]
    assert sum(1 + mark.others for mark in scene.marks if mark.numbered) == len(crowd)
    found = crowd_window(single_marks(scene, crowd))
    assert found is not None
    window, inside = found
    assert [spot.number for spot in inside] == list(range(1, 9))
    inset = map_scene(ours, theirs, inside, 360.0, window=window)
    assert all(mark.numbered for mark in inset.marks)
    assert all(0.0 < mark.x < inset.width and 0.0 < mark.y < inset.height for mark in inset.marks)


def test_no_inset_where_no_crowd_is() -> None:
    ours, theirs = crossing(3)
    scene = map_scene(ours, theirs, spots(ours, theirs), 1000.0)
    assert crowd_window(scene.marks) is None
