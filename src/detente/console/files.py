"""The files of the built page, as a browser asks for them, with the headers that keep it to itself."""

from __future__ import annotations

import gzip
import lzma
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

INDEX = "index.html"
PLACES = "places.tsv"
"""Cities and airports, which the report's map names too."""
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "woff": "font/woff",
}
_PACKED = frozenset(("html", "js", "css", "json", "tsv", "svg"))
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class PageFile(NamedTuple):
    """One file: `packed` is its gzip where that is smaller, `forever` that its name changes with what is in it."""

    body: bytes
    packed: bytes | None
    media_type: str
    forever: bool


@cache
def page_files() -> dict[str, PageFile]:
    """Return every file of the page by its path below it, the places beside what was built.

    Nothing else is ever given out: no path reaches the disk.
    """
    found: dict[str, PageFile] = {}
    _collect(resources.files("detente.console").joinpath("built"), "", found)
    places = resources.files("detente.plots").joinpath("data/places/places.tsv.xz").read_bytes()
    found[PLACES] = _file(PLACES, lzma.decompress(places))
    return found


def _collect(folder: Traversable, path: str, found: dict[str, PageFile]) -> None:
    for item in folder.iterdir():
        name = path + item.name
        if item.is_dir():
            _collect(item, f"{name}/", found)
            continue
        if name.rpartition(".")[2] in _TYPES:
            found[name] = _file(name, item.read_bytes())


def _file(name: str, body: bytes) -> PageFile:
    kind = name.rpartition(".")[2]
    packed = gzip.compress(body, mtime=0) if kind in _PACKED else None
    return PageFile(body, packed, _TYPES[kind], name.startswith("assets/"))
