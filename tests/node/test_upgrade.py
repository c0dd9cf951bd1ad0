"""An upgrade keeps what the release before wrote, and goes back to it, byte for byte."""

from __future__ import annotations

import json
import lzma
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parties import area_plan, two_parties
from test_node_line import arrived, send
from test_set_back import kinds, plans, settled

import detente
from detente.airspace.refusal import Refusal
from detente.settings.release import Release, note_release, release_of
from detente.upkeep.backup import NotProvenError
from detente.upkeep.releases import ASIDE_FOLDER, KEPT_FOLDER, begin_release, go_back

GOLDEN = Path(__file__).parents[1] / "data" / "journals"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
EARLIER = Release("0.0.9", BEGAN)
STAYS = ("node.key", "card.json", "trusted/", "log.jsonl", "node.lock", "journal.sqlite.lock", "people.json")


def contents(directory: Path) -> dict[str, bytes]:
    """What depends on the release, by name; not what was kept or set aside, nor who the node is."""
    found = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not name.startswith((KEPT_FOLDER, ASIDE_FOLDER, *STAYS, "metrics-token", "watch/"))
    }


@pytest.fixture(params=sorted(GOLDEN.iterdir()), ids=lambda folder: folder.name)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory as an earlier release left it: its journal, settings, an accord, and a closed segment's file."""
    release = request.param
    parties = json.loads(lzma.decompress((release / "release.json.xz").read_bytes()))
    directory = tmp_path / "north"
    (directory / "segments").mkdir(parents=True, mode=0o700)
    (directory / "trusted").mkdir(mode=0o700)
    directory.chmod(0o700)
    (directory / "journal.sqlite").write_bytes(lzma.decompress((release / "north.sqlite.xz").read_bytes()))
    (directory / "card.json").write_text(parties["north"]["card"])
    for name, text in (
        ("node.key", "key"), ("detente.toml", 'party = "north"\n'), ("accord.toml", "as agreed\n"),
        ("segments/000000000001-000000000009.sqlite", "closed"), ("matching/run/state", "a run"),
    ):  # fmt: skip
        (directory / name).parent.mkdir(exist_ok=True, parents=True)
        (directory / name).write_text(text)
    note_release(directory, EARLIER)
    return directory


def written_by_a_newer_release(directory: Path) -> None:
    (directory / "journal.sqlite").write_bytes(b"in another form")
    (directory / "journal.sqlite-wal").write_bytes(b"and what is not in it yet")
    (directory / "accord.toml").unlink()
    (directory / "detente.toml").write_text('party = "north"\n[new]\nsetting = 1\n')
    (directory / "segments/000000000010-000000000019.sqlite").write_bytes(b"closed since")


def test_the_journal_of_an_earlier_release_is_kept_and_put_back_byte_for_byte(earlier: Path) -> None:
    before = contents(earlier)
    begin_release(earlier, BEGAN)
    assert contents(earlier / KEPT_FOLDER) == before
    for path in (earlier / KEPT_FOLDER).rglob("*"):
        assert path.is_dir() or path.parent.name == "segments" or path.stat().st_mode & 0o077 == 0, path
    assert release_of(earlier) == Release(detente.__version__, BEGAN)
    begin_release(earlier, datetime.now(UTC))
    assert contents(earlier / KEPT_FOLDER) == before, "a later start of the same release keeps nothing again"
    written_by_a_newer_release(earlier)
    newer = contents(earlier)
    gone = go_back(earlier, datetime.now(UTC))
    assert (gone.version, gone.kept_at) == (EARLIER.version, BEGAN)
    assert contents(earlier) == before
    assert contents(Path(gone.aside)) == newer
    assert not (earlier / KEPT_FOLDER).exists()


def test_a_way_back_that_a_crash_ended_is_begun_again(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(earlier)
    begin_release(earlier, BEGAN)
    written_by_a_newer_release(earlier)
    ends = 0
    while (earlier / KEPT_FOLDER).exists():
        ends += 1
        left = [ends]

        def step(left: list[int], real: object) -> object:
            def taken(*arguments: object, **more: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt
                return real(*arguments, **more)  # type: ignore[operator]

            return taken

        with monkeypatch.context() as patched:
            for name in ("rename", "hardlink_to", "chmod"):
                patched.setattr(Path, name, step(left, getattr(Path, name)))
            try:
                go_back(earlier, BEGAN.replace(second=ends))
            except KeyboardInterrupt:
                whole = (earlier / "detente.toml").exists() and contents(earlier)
                assert not whole or whole == before or ends == 1, "half of it would start"
    assert ends > 5
    assert contents(earlier) == before


def test_what_is_kept_and_was_changed_is_not_put_back(earlier: Path) -> None:
    begin_release(earlier, BEGAN)
    with (earlier / KEPT_FOLDER / "journal.sqlite").open("r+b") as stream:
        stream.seek(-3000, 2)
        stream.write(b"changed")
    now = contents(earlier)
    with pytest.raises((NotProvenError, Refusal)):
        go_back(earlier, datetime.now(UTC))
    assert contents(earlier) == now


def test_a_newer_releases_directory_is_refused_and_an_older_ones_only_kept_once(earlier: Path) -> None:
    note_release(earlier, Release("99.10.0", BEGAN))
    with pytest.raises(Refusal, match=r"99\.10\.0") as refused:
        begin_release(earlier, BEGAN)
    assert f"detente go-back --dir {earlier}" in refused.value.mend
    assert not (earlier / KEPT_FOLDER).exists()
    with pytest.raises(Refusal, match="earlier-release"):
        go_back(earlier, BEGAN)


def test_a_disk_that_is_full_keeps_no_line_from_starting(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", full)
        begin_release(earlier, BEGAN)
    assert not (earlier / KEPT_FOLDER).exists()


def test_a_node_is_upgraded_speaks_goes_back_and_speaks_on(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        north.imports(area_plan("before"))
        settled(north, south)
        assert north.stop() == 0
        note_release(north.path, EARLIER)
        before = contents(north.path)
        north.start()
        north.imports(area_plan("since", 5.0))
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears the newer release")
        settled(north, south)
        running = north.cli("go-back")
        assert (running.returncode, "Stop the other node first" in running.stderr) == (2, True)
        assert north.stop() == 0
        done = north.cli("go-back", "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["version"] == EARLIER.version
        assert _without_lock(contents(north.path)) == _without_lock(before)
        assert north.cli("go-back").returncode == 2
        north.start()
        north.until(lambda: plans(north) == {"before", "since"}, "is told what it had said")
        south.until(lambda: "set_back" in kinds(south, "north"), "is told")
        again = send(north, "south", "radio_check")
        assert again != sent
        south.until(lambda: arrived(south, "north", again), "hears it")


def test_a_new_node_has_nothing_to_keep(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _):
        assert release_of(north.path) is not None
        assert not (north.path / KEPT_FOLDER).exists()
        assert north.stop() == 0
        note_release(north.path, Release("99.0", BEGAN))
        refused = north.cli("node")
        assert (refused.returncode, "Install 99.0 again" in refused.stderr) == (2, True)


def _without_lock(found: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in found.items() if not name.startswith("node.")}
