"""The console: the files of the page, which hold nothing of the node and need no token."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, Router, get
from litestar.params import Parameter

from detente.api.service import not_found
from detente.console.files import HEADERS, INDEX, PageFile, page_files

CONSOLE_PATH = "/console"


@get("/", summary="The console", include_in_schema=False)
async def show_page(
    accept_encoding: Annotated[str, Parameter(header="Accept-Encoding")] = "",
) -> Response[bytes]:
    """Give the page itself."""
    return _answer(page_files()[INDEX], accept_encoding)


@get("/{path:path}", summary="A file of the console", include_in_schema=False)
async def show_file(
    path: str, accept_encoding: Annotated[str, Parameter(header="Accept-Encoding")] = ""
) -> Response[bytes]:
    """Give one of the files that the page is made of."""
    name = path.lstrip("/")
    file = page_files().get(name)
    if file is None:
        raise not_found("api.file_of_console", "path", name)
    return _answer(file, accept_encoding)


def _answer(file: PageFile, accept_encoding: str) -> Response[bytes]:
    headers = {**HEADERS, "Vary": "Accept-Encoding"}
    headers["Cache-Control"] = "public, max-age=31536000, immutable" if file.forever else "no-cache"
    packed = file.packed if "gzip" in accept_encoding else None
    if packed is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(file.body if packed is None else packed, headers=headers, media_type=file.media_type)


router = Router(path=CONSOLE_PATH, route_handlers=[show_page, show_file])
