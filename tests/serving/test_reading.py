"""The first line of each request is read in one way, however its bytes come and whatever came before it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.serving.exchange import Exchange
from detente.serving.limits import ListenerLimits
from detente.serving.reading import RequestParser
from detente.serving.rejected import Rejected

HOST = b"Host: localhost\r\n"
WHOLE = b"GET /whole HTTP/1.1\r\n" + HOST + b"\r\n"
LENGTH = b"PUT /length HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nG  / \r\n\r\n"
CHUNKS = b"PUT /chunks HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\na\r\n\r\n\r\n0\r\n\r\n"
TRAILED = CHUNKS[:-2] + b"Trailer: a  b\r\n\r\n"
WRONG = (b"GET  /x HTTP/1.1\r\n", b"GET /x  HTTP/1.1\r\n", b"GET /x HTTP/1.1 \r\n")


class Requests:
    """A reader that takes every request whole."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def new_request(self) -> Exchange:
        self.seen.append(Exchange(cast("Any", None), 0.0))
        return self.seen[-1]

    def head_came(self, asked: Exchange) -> None:
        """The head is looked at once all has come."""

    def body_came(self, asked: Exchange, part: bytes) -> None:
        asked.body += part

    def request_came(self, asked: Exchange) -> None:
        """The request is looked at once all has come."""

    @property
    def paths(self) -> list[bytes]:
        return [asked.path for asked in self.seen if asked.is_whole]


def parse(sent: bytes, *cuts: int) -> Requests:
    reader = Requests()
    parser = RequestParser(reader, ListenerLimits())
    edges = [0, *sorted(cuts), len(sent)]
    for begin, end in pairwise(edges):
        parser.feed(memoryview(sent)[begin:end])
    return reader


@given(
    st.lists(st.sampled_from([WHOLE, LENGTH, CHUNKS, TRAILED, b"\r\n" + WHOLE]), min_size=1, max_size=5),
    st.lists(st.integers(0, 400), max_size=8),
    st.sampled_from(WRONG),
)
def test_requests_sent_ahead_are_all_read_and_one_with_other_spaces_is_not(
    before: list[bytes], cuts: list[int], wrong: bytes
) -> None:
    sent = b"".join(before)
    cuts = [min(cut, len(sent)) for cut in cuts]
    reader = parse(sent, *cuts)
    assert reader.paths == [one.lstrip().split(b" ")[1] for one in before]
    assert [bytes(asked.body) for asked in reader.seen if asked.path == b"/chunks"] == [
        b"a\r\n\r\n" for one in before if b"/chunks" in one
    ]
    with pytest.raises(Rejected, match=r"HTTP/1\.1|one space between"):
        parse(sent + wrong + HOST + b"\r\n", *cuts)


@pytest.mark.parametrize("wrong", WRONG)
def test_behind_a_body_in_very_many_chunks_nothing_is_read_unseen(wrong: bytes) -> None:
    chunks = CHUNKS[: CHUNKS.index(b"5\r\na")] + b"5\r\na\r\n\r\n\r\n" * 200 + b"0\r\n\r\n"
    with pytest.raises(Rejected, match=r"HTTP/1\.1|one space between"):
        parse(chunks + wrong + HOST + b"\r\n")
    assert parse(chunks + WHOLE, len(chunks)).paths == [b"/chunks", b"/whole"]
