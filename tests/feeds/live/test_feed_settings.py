"""feeds.toml: written whole for its owner alone, read back as it was, and refused with the field that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.feeds.live.settings import (
    FeedKind,
    FeedOptions,
    FeedSettings,
    ReplayTimes,
    add_feed,
    read_feeds,
    remove_feed,
)
from detente.feeds.live.where import Carriage, where_of

FEEDS = (
    FeedSettings("roof", FeedKind.BEAST, "127.0.0.1:30005", options=FeedOptions(reference="35.3,40.1")),
    FeedSettings("ours", FeedKind.MAVLINK, "udp://0.0.0.0:14550", ours=True),
    FeedSettings("day", FeedKind.REPLAY, "/data/day.parquet", options=FeedOptions(speed=60.0, times=ReplayTimes.KEPT)),
)


def test_feeds_are_kept_as_they_were_added_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    assert read_feeds(path) == ()
    for one in FEEDS:
        add_feed(path, one)
    assert read_feeds(path) == FEEDS
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refusal, match="name"):
        add_feed(path, FEEDS[0])
    assert read_feeds(path) == FEEDS
    remove_feed(path, "ours")
    assert read_feeds(path) == (FEEDS[0], FEEDS[2])
    with pytest.raises(Refusal, match="roof, day"):
        remove_feed(path, "ours")


@pytest.mark.parametrize(
    ("text", "code"),
    [("x", "feeds_live.toml"), ("[[feed]]\nname='a'\nkind='beast'\nwhere='nowhere:99999'", "feeds_live.where"),
     ("[[feed]]\nname='a'\nkind='radio'\nwhere='h:1'", "room.one_word"),
     ("[[feed]]\nname='a'\nkind='beast'", "room.field_given"),
     ("[[feed]]\nname='a'\nkind='beast'\nwhere='udp://h:1'", "feeds_live.carriage_of_kind"),
     ("[[feed]]\nname='a'\nkind='beast'\nwhere='h:1'\n[feed.options]\npoll_s=2", "feeds_live.option_of_kind"),
     ("[[feed]]\nname='a'\nkind='beast'\nwhere='h:1'\n[feed.options]\nreference='1'", "feeds_live.position"),
     ("[[feed]]\nname='a'\nkind='asterix'\nwhere=':1'\n[feed.options]\nradars='25/201'", "feeds_live.radars"),
     ("[[feed]]\nname='a b'\nkind='beast'\nwhere='h:1'", "airspace.identifier"),
     ("[[feed]]\nname='a'\nkind='beast'\nwhere='h:1'\n" * 2, "feeds_live.name_of_its_own"),
     ("[[feeds]]\nname='a'", "room.only_fields_schema")],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(text)
    with pytest.raises(Refusal) as refused:
        read_feeds(path)
    assert refused.value.code == code
    assert refused.value.mend or refused.value.expected


@pytest.mark.parametrize(
    ("text", "carriage", "host", "port", "path"),
    [("host:30005", Carriage.TCP, "host", 30005, ""), ("udp://239.1.2.3:8600", Carriage.UDP, "239.1.2.3", 8600, ""),
     ("listen://:4000", Carriage.LISTEN, "", 4000, ""), ("tls://[::1]:8089", Carriage.TLS, "::1", 8089, ""),
     ("-", Carriage.STANDARD_INPUT, "", 0, ""), ("/data/day.csv", Carriage.FILE, "", 0, "/data/day.csv"),
     ("file:///data/x", Carriage.FILE, "", 0, "/data/x"), ("https://h/a.json", Carriage.HTTP, "", 0, "https://h/a.json")],
)  # fmt: skip
def test_where_a_feed_is_can_be_said_in_these_ways(
    text: str, carriage: Carriage, host: str, port: int, path: str
) -> None:
    found = where_of(text, Carriage.TCP)
    assert (found.carriage, found.host, found.port, found.path) == (carriage, host, port, path)
    assert found.is_multicast == host.startswith("239.")


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        found = where_of(text, Carriage.TCP)
    except Refusal:
        return
    assert found.port <= 65_535
    assert found.host or found.path or found.port or found.carriage in {Carriage.STANDARD_INPUT, Carriage.UDP}


def test_no_feed_of_ours_passes_for_a_peer() -> None:
    with pytest.raises(Refusal, match="peer:"):
        FeedSettings("peer:south", FeedKind.JSON, "127.0.0.1:30154")
