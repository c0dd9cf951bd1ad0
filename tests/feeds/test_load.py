"""Any file by its suffix or its beginning; a file that cannot be read is named with what to do."""

import os

import pytest
from feed_samples import CSV, KML, collection, trajectory_feature, volume_feature

from detente.airspace.refusal import Refusal
from detente.feeds import source
from detente.feeds.dropped import Dropped, DropReason
from detente.feeds.load import load_plans

GEOJSON = collection(volume_feature(), trajectory_feature())


@pytest.mark.parametrize(
    ("name", "content", "count"),
    [
        ("plans.geojson", GEOJSON, 2),
        ("plans.JSON", GEOJSON, 2),
        ("plans", b"\n  " + GEOJSON, 2),
        ("plans.kml", KML.encode(), 3),
        ("plans.txt", KML.encode(), 3),
        ("tracks.csv", CSV.encode(), 2),
    ],
)
def test_the_format_is_known_by_suffix_or_beginning(tmp_path, name, content, count):
    (tmp_path / name).write_bytes(content)
    assert len(load_plans(tmp_path / name).plans) == count


def test_what_was_left_out_is_returned(tmp_path):
    (tmp_path / "plans.kml").write_text(KML)
    assert load_plans(tmp_path / "plans.kml").dropped == (Dropped(DropReason.POINT, 1),)


def refusal(path) -> str:
    with pytest.raises(Refusal) as caught:
        load_plans(path)
    assert path.name.isascii() is False or path.name in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "absent.geojson")
    assert "not a file" in refusal(tmp_path)
    assert "not a file" in refusal(make_pipe(tmp_path / "pipe.geojson"))
    assert "an old Excel" in refusal(make(tmp_path / "plans.xls", b"\xd0\xcf\x11\xe0"))
    assert "one of the formats geojson, kml" in refusal(make(tmp_path / "plans.dat", b"\x01\x02\x03"))
    assert "\\x1b" in refusal(tmp_path / "\x1b[2Jabsent.geojson".replace("absent", "é"))


def make(path, content):
    path.write_bytes(content)
    return path


def make_pipe(path):
    os.mkfifo(path)
    return path


def test_a_file_without_plans_is_refused_because_it_would_hide_conflicts(tmp_path):
    assert "no plan (left out: nothing)" in refusal(make(tmp_path / "a.geojson", collection()))
    tower = KML[: KML.index("<Placemark id")] + KML[KML.index("<Placemark><name>Tower") :]
    assert "no plan (left out: 1 point)" in refusal(make(tmp_path / "a.kml", tower.encode()))


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(source.read_bytes, "__defaults__", (1000,))
    assert "at most 1,000 bytes" in refusal(make(tmp_path / "a.geojson", b" " * 1001))
