"""What the service answers to those who run it: `/healthy`, `/ready` and `/metrics`, by GET or HEAD.

The first two need no token and tell nothing else. The metrics need the token in the directory's file `metrics-token`,
which the service makes at its first start: behind a proxy everybody comes from this machine, so that an address proves
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from detente.record.token_file import METRICS_TOKEN_FILE, TokenFile
from detente.utm.access.keys import KeyRing
from detente.utm.refused import Refused
from detente.utm.service.endpoint import Reply, json_reply
from detente.utm.service.metrics import ServiceMetrics, ServiceParts

HEALTHY, READY, METRICS = "/healthy", "/ready", "/metrics"


class Operators:
    """Answers the operators' paths. `is_leaving` says whether the service is about to end."""

    PATHS = frozenset((HEALTHY, READY, METRICS))

    def __init__(
        self,
        directory: Path,
        parts: ServiceParts,
        ring: KeyRing,
        metrics: ServiceMetrics,
        is_leaving: Callable[[], bool],
    ) -> None:
        self._token = TokenFile(directory / METRICS_TOKEN_FILE)
        self._parts = parts
        self._ring = ring
        self._metrics = metrics
        self._is_leaving = is_leaving

    def answer(self, path: str, authorization: bytes) -> Reply:
        """Answer one of `PATHS`. Raises Refused 401 or 503."""
        if path == METRICS:
            if not self._token.is_in(authorization):
                raise Refused(401, f"the token of the file {METRICS_TOKEN_FILE} in the service's directory is needed")
            return Reply(200, self._metrics.render(self._parts), CONTENT_TYPE_PLAIN_0_0_4.encode())
        if path == HEALTHY:
            if self._parts.loop.failed.is_set():
                raise Refused(503, "the journal failed")
            return Reply(200, b"ok")
        lacks = self._lacks()
        return json_reply(503 if lacks else 200, {"ready": not lacks, "lacks": lacks})

    def _lacks(self) -> list[str]:
        lacks = []
        if self._parts.loop.failed.is_set():
            lacks.append("a journal that can be written")
        if self._is_leaving():
            lacks.append("time: the service stops")
        if not self._ring.version:
            lacks.append("a key that signs tokens")
        if self._parts.loop.backlog > self._parts.gate.limits.undurable_decisions:
            lacks.append("a disk that keeps up")
        return lacks
