"""Large JSON bodies are read beside the loop, and what is wrong with them is said as of any other."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar, post
from parties import area_plan, two_parties

from detente.api.large_bodies import LARGE_BYTES, TURNS, PatientRequest


class Read(msgspec.Struct):
    """Remembers in which thread it was made."""

    text: str
    thread: int = 0

    def __post_init__(self) -> None:
        self.thread = threading.get_ident()


async def answer(text: str, turns: asyncio.Semaphore) -> Any:
    @post("/")
    async def read(data: Read) -> list[int]:
        return [data.thread, threading.get_ident(), len(data.text)]

    application = Litestar([read], request_class=PatientRequest, openapi_config=None)
    body, told = json.dumps({"text": text}).encode(), []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "headers": headers, "client": None,
        "server": None, "state": {TURNS: turns}, "extensions": {},
    }  # fmt: skip
    await application(scope, receive, send)
    assert told[0]["status"] == 201, told
    return json.loads(told[1]["body"])


@pytest.mark.parametrize(("length", "is_beside"), [(10, False), (LARGE_BYTES, True)])
def test_a_large_body_is_read_beside_the_loop(length: int, *, is_beside: bool) -> None:
    made_in, answered_in, size = asyncio.run(answer("x" * length, asyncio.Semaphore(1)))
    assert (made_in != answered_in, size) == (is_beside, length)


def test_what_is_wrong_with_a_large_body_is_said_as_of_a_small_one(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        plans = [area_plan(f"p{number}", number / 100.0) for number in range(800)]
        assert len(msgspec.json.encode(plans)) > LARGE_BYTES
        for good in (plans[:2], plans):
            kept = msgspec.json.encode(good)[:-1]
            for wrong, field in ((b"{}", f"plans[{len(good)}]"), (b"1", f"plans[{len(good)}]")):
                refused = north.ask("POST", "/plans", b'{"plans":%b,%b]}' % (kept, wrong))
                assert refused.status == 400
                assert refused.json["field"].startswith(field), refused.json
            for broken in (b'{"plans":%b' % kept, b'{"plans":%b], "more": 1}' % kept, b'{"plans":"\xff%b"}' % kept):
                assert north.ask("POST", "/plans", broken).status == 400
            assert north.post("/plans", {"plans": good})["journal_number"]
        assert north.get("/status")["plans"]["north"] == len(plans)
