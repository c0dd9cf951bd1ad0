"""Asking the running node of a directory, as its owner.

Where DETENTE_TOKEN holds the token of a session, commands are those of the person whose session it is.
"""

from __future__ import annotations

import json
import os
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request

from detente.airspace.refusal import Refusal
from detente.api.access import local_token
from detente.api.no_node import NoNodeRefusal
from detente.api.way_to_node import has_socket, way_to_node
from detente.language.refused import is_refusal_code
from detente.link.directory import NodeDirectory
from detente.record.keys import NodeKey
from detente.settings.address import SOCKET_FILE, STOP_SOCKET_FILE, address_of
from detente.settings.heartbeat import LONGEST_HEARTBEAT_S

TOKEN_VARIABLE = "DETENTE_TOKEN"  # noqa: S105 - the name of a variable
TIMEOUT_S = 120.0
STREAM_TIMEOUT_S = 3 * LONGEST_HEARTBEAT_S
"""Three heartbeats of the stream: after that it counts as cut."""


class NodeClient:
    """The HTTP API of the node that runs in `directory`.

    It waits `timeout_s` for an answer; `for_stop`: through the file that no other command uses. Raises Refusal when no
    node answers there, and for what the node refuses, in the node's own words.
    """

    def __init__(self, directory: Path, timeout_s: float = TIMEOUT_S, *, for_stop: bool = False) -> None:
        files = NodeDirectory(directory)
        files.check()
        self._directory = directory
        self._has_answered = False
        self._timeout_s = timeout_s
        url = address_of(directory)
        if url is None:
            raise self._not_running()
        # A node of an earlier release has no file for STOP.
        file = STOP_SOCKET_FILE if for_stop and has_socket(directory, STOP_SOCKET_FILE) else SOCKET_FILE
        self._url, self._opener = way_to_node(directory, url, file)
        token = os.environ.get(TOKEN_VARIABLE, "")
        if not token and not has_socket(directory, file):
            token = local_token(NodeKey.load(files.key_path))
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

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

        The event is None when the stream opens, and at each heartbeat. Raises Refusal when the node cannot be reached.
        """
        url = f"{self._url}/" + "/".join(quote(part, safe="") for part in path) + f"?after={after}"
        request = Request(url, headers=self._headers)  # noqa: S310
        try:
            stream = self._opener.open(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read()) from None
        except OSError:
            raise self._not_running() from None
        number = after
        with stream, suppress(OSError, HTTPException):
            yield number, None
            for raw in stream:
                name, _, value = raw.rstrip(b"\r\n").partition(b": ")
                if name == b"id":
                    number = int(value)
                elif name == b"data":
                    yield number, json.loads(value)
                elif raw.startswith(b":"):
                    yield number, None

    def _ask(
        self, method: str, path: tuple[str, ...], query: dict[str, object], body: bytes | None, *, decode: bool = True
    ) -> Any:  # noqa: ANN401
        for part in path:
            # Such a part would be another route: that of a list, or none.
            if not part or "/" in part:
                raise Refusal("api.id_or_name_listed", "id", part)
        url = f"{self._url}/" + "/".join(quote(part, safe="") for part in path)
        wanted = {name: value for name, value in query.items() if value is not None}
        if wanted:
            url += "?" + urlencode(wanted)
        headers = {**self._headers, "Content-Type": "application/json"}
        request = Request(url, data=body, method=method, headers=headers)  # noqa: S310 - our own address
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                self._has_answered = True
                return json.load(response) if decode else response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read()) from None
        except (OSError, ValueError):
            raise self._not_running() from None

    def _not_running(self) -> NoNodeRefusal:
        return NoNodeRefusal(self._directory, stopped=self._has_answered)


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        problem = json.loads(body)
        code, parameters = problem["code"], problem["parameters"]
        if not is_refusal_code(code):
            code, parameters = "api.node_says", {name: problem[name] for name in ("expected", "mend")}
        return Refusal(code, problem["field"], problem["value"], **parameters)
    except (ValueError, KeyError, TypeError):
        return Refusal("api.answer_detente_node", "node", f"HTTP {status}")
