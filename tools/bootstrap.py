"""Put the pinned `uv` into `.tools/` with nothing but Python's standard library.

A stock Debian Python is externally managed (PEP 668) and may lack pip and venv, so neither is used: the wheel is
fetched from the package index, its SHA-256 is compared with the one pinned here, and the program is taken out of it.

An index other than PyPI is honoured from UV_DEFAULT_INDEX, UV_INDEX_URL or PIP_INDEX_URL.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

UV_VERSION = "0.13.9"
WHEELS = {
    ("Linux", "x86_64"): (
        "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("Linux", "aarch64"): (
        "uv-0.13.9-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    ),
    ("Darwin", "x86_64"): (
        "uv-0.13.9-py3-none-macosx_10_12_x86_64.whl",
        "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    ),
    ("Darwin", "arm64"): (
        "uv-0.13.9-py3-none-macosx_11_0_arm64.whl",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
}
ROOT = Path(__file__).resolve().parent.parent


def index_url() -> str:
    """Return the simple index to ask, without a trailing slash."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name].rstrip("/")
    return "https://pypi.org/simple"


def fetch(url: str, accept: str = "*/*") -> bytes:
    """Return the body at `url`, trying three times; exits with the reason when it cannot be had."""
    last: Exception | None = None
    for _ in range(3):
        try:
            request = urllib.request.Request(url, headers={"Accept": accept, "User-Agent": "detente-bootstrap"})
            with urllib.request.urlopen(request, timeout=120) as response:
                return bytes(response.read())
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            last = error
    sys.exit(
        f"bootstrap: {url} could not be fetched ({last}). Check the network, or install uv yourself and run again."
    )


def wheel_bytes(filename: str, sha256: str) -> bytes:
    """Return the wheel called `filename`, refusing one whose digest is not `sha256`."""
    index = index_url()
    listing = json.loads(fetch(f"{index}/uv/", accept="application/vnd.pypi.simple.v1+json"))
    for entry in listing["files"]:
        if entry["filename"] == filename:
            body = fetch(urllib.parse.urljoin(f"{index}/uv/", entry["url"]))
            found = hashlib.sha256(body).hexdigest()
            if found != sha256:
                sys.exit(f"bootstrap: {filename} has SHA-256 {found}, expected {sha256}. Refused.")
            return body
    sys.exit(f"bootstrap: {index} does not list {filename}.")


def main() -> None:
    """Print the path of a usable uv, fetching it first when it is not there yet."""
    target = ROOT / ".tools" / f"uv-{UV_VERSION}" / "uv"
    if not target.exists():
        found = shutil.which("uv")
        machine = (platform.system(), platform.machine())
        if machine not in WHEELS:
            if found:
                print(found)
                return
            sys.exit(f"bootstrap: no uv is pinned for {machine}. Install uv {UV_VERSION} yourself and run again.")
        print(f"fetching uv {UV_VERSION} ...", file=sys.stderr)
        filename, sha256 = WHEELS[machine]
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(io.BytesIO(wheel_bytes(filename, sha256))) as wheel:
            member = f"uv-{UV_VERSION}.data/scripts/uv"
            partial = target.with_suffix(f".{os.getpid()}")
            partial.write_bytes(wheel.read(member))
        partial.chmod(0o755)
        partial.replace(target)
    print(target)


if __name__ == "__main__":
    main()
