"""The names of what the service keeps in its directory."""

from __future__ import annotations

JOURNAL = "dss-journal.sqlite"
KEY = "dss-key.pem"
SNAPSHOT = "snapshot.msgpack"
REQUEST_LOG = "requests.jsonl"
