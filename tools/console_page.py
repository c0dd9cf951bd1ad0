"""Build the page of the console, or check that the one that is committed is what its source gives.

The built page is kept with the source, so that a user needs no Node.js. Beside it stands the digest of the source that
it was built from: a test compares that, in milliseconds; `--check` builds anew and compares every byte.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CONSOLE = Path(__file__).parents[1] / "src/detente/console"
PAGE, BUILT = CONSOLE / "page", CONSOLE / "built"
DIGEST = CONSOLE / "page.sha256"
NOT_SOURCE = ("node_modules", ".svelte-kit")


def source_digest(page: Path = PAGE) -> str:
    """Return the SHA-256 over the name and the content of every file of the source."""
    digest = hashlib.sha256()
    for file in sorted(page.rglob("*")):
        if file.is_file() and not any(part in NOT_SOURCE for part in file.relative_to(page).parts):
            name = file.relative_to(page).as_posix().encode()
            digest.update(b"%d %b %d\n" % (len(name), name, file.stat().st_size))
            digest.update(file.read_bytes())
    return digest.hexdigest()


def build(into: Path) -> None:
    """Install what the lock names, check types, and build the page into a folder."""
    _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    _run("npx", "svelte-check", "--tsconfig", "./tsconfig.json", "--fail-on-warnings")
    _run("npx", "vite", "build", "--outDir", str(into), "--emptyOutDir")


def _run(*command: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        sys.exit(f"{command[0]} is missing: install Node.js 20 or later (Debian: apt-get install nodejs npm)")
    environment = {**os.environ, "NO_COLOR": "1"}
    if subprocess.run((program, *command[1:]), cwd=PAGE, env=environment, check=False).returncode:
        sys.exit(f"{' '.join(command)} failed")


def differences(first: Path, second: Path) -> list[str]:
    """Return the files that are not the same in both folders."""
    names = {
        file.relative_to(folder).as_posix()
        for folder in (first, second)
        for file in folder.rglob("*")
        if file.is_file()
    }
    return sorted(
        name
        for name in names
        if not (
            (first / name).is_file()
            and (second / name).is_file()
            and filecmp.cmp(first / name, second / name, shallow=False)
        )
    )


def main() -> None:
    """Build, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail where the page is not what its source gives"
    )
    if not parser.parse_args().check:
        build(BUILT)
        DIGEST.write_text(source_digest() + "\n", encoding="ascii")
        return
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        found = differences(BUILT, Path(folder))
    if found or DIGEST.read_text("ascii").strip() != source_digest():
        sys.exit(f"the page is not what its source gives: {', '.join(found) or DIGEST.name}. Build it: make console")
    print("the page is what its source gives")


if __name__ == "__main__":
    main()
