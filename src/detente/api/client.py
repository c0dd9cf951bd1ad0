"""Asking the running node of a directory, with the token that follows from the directory's key."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from detente.airspace.refusal import Refusal
from detente.api.access import local_token
from detente.link.directory import NodeDirectory
from detente.node.address import address_of
from detente.record.keys import NodeKey

TOKEN_VARIABLE = "DETENTE_TOKEN"  # noqa: S105 - the name of a variable
TIMEOUT_S = 120.0
STREAM_TIMEOUT_S = 45.0
"""Three heartbeats of the stream: after that it counts as cut."""


class NodeClient:
    """The HTTP API of the node that runs in `directory`.

    Raises Refusal when no node runs there, and for whatever the node refuses, in the node's own words.
    """

    def __init__(self, directory: Path) -> None:
        files = NodeDirectory(directory)
        files.check()
        self._directory = directory
        self._url = address_of(directory)
        if self._url is None:
            raise self._not_running()
        self._token = os.environ.get(TOKEN_VARIABLE) or local_token(NodeKey.load(files.key_path))
        # No proxy of the environment stands between a command and the node beside it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, *path: str, **query: object) -> Any:  # noqa: ANN401 - whatever the route answers
        """GET a route, its parts quoted; return the decoded JSON."""
        return self._ask("GET", path, query, None)

    def fetch(self, *path: str, **query: object) -> bytes:
        """GET a route that answers with a file; return its bytes."""
        found: bytes = self._ask("GET", path, query, None, decode=False)
        return found

    def post(self, *path: str, body: bytes | None = None) -> Any:  # noqa: ANN401 - whatever the route answers
        """POST JSON to a route, its parts quoted; return the decoded JSON."""
        return self._ask("POST", path, {}, body or b"")

    def stream(self, *path: str, after: int, timeout_s: float = STREAM_TIMEOUT_S) -> Iterator[tuple[int, Any]]:
        """Yield (journal number, decoded event) of an event stream, those after `after` first; ends when it is cut.

        Raises Refusal when the node cannot be reached at all.
        """
        url = f"{self._url}/" + "/".join(quote(part, safe="") for part in path) + f"?after={after}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._token}"})  # noqa: S310
        try:
            stream = self._opener.open(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read()) from None
        except OSError:
            raise self._not_running() from None
        number = after
        with stream, suppress(OSError):
            for raw in stream:
                name, _, value = raw.rstrip(b"\r\n").partition(b": ")
                if name == b"id":
                    number = int(value)
                elif name == b"data":
                    yield number, json.loads(value)

    def _ask(
        self, method: str, path: tuple[str, ...], query: dict[str, object], body: bytes | None, *, decode: bool = True
    ) -> Any:  # noqa: ANN401
        for part in path:
            # Such a part would be another route: that of a list, or none.
            if not part or "/" in part:
                raise Refusal("id", part, "an id or a name as it is listed: not empty, without a slash")
        url = f"{self._url}/" + "/".join(quote(part, safe="") for part in path)
        wanted = {name: value for name, value in query.items() if value is not None}
        if wanted:
            url += "?" + urlencode(wanted)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310 - our own address
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return json.load(response) if decode else response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read()) from None
        except (OSError, ValueError):
            raise self._not_running() from None

    def _not_running(self) -> Refusal:
        return Refusal(
            "--dir",
            str(self._directory),
            "a directory whose node is running",
            f"Start it: detente node --dir {self._directory}",
        )


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        problem = json.loads(body)
        return Refusal(problem["field"], problem["value"], problem["expected"], problem["mend"])
    except (ValueError, KeyError, TypeError):
        return Refusal("node", f"HTTP {status}", "an answer of a Détente node", "Is something else listening there?")
