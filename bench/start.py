"""How long a command takes before it does anything: `detente --help`, and `detente line stop` until it is refused.

Each is a process of its own, started nine times; the best counts, since everything else on the machine only adds to
it. Run: make bench-start
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from results import write_section

TIMES = 9
TARGET_S = 0.3


class Start(NamedTuple):
    """How long a command took at best, on the clock and of the processor, in seconds."""

    clock_s: float
    processor_s: float


def best(*arguments: str) -> Start:
    """The shortest of several runs of a command."""
    command = [str(Path(sys.executable).with_name("detente")), *arguments]
    runs = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        runs.append((time.perf_counter() - begin, used.ru_utime + used.ru_stime))
    return Start(*(min(column) for column in zip(*runs, strict=True)))


def main() -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        made = [str(Path(sys.executable).with_name("detente")), "init", "--dir", f"{folder}/north", "--name", "north"]
        subprocess.run(made, stdout=subprocess.DEVNULL, check=True)
        rows = [
            ("`detente --help`", best("--help")),
            (
                "`detente line stop`, in a node's directory whose node does not run",
                best("line", "stop", "--dir", f"{folder}/north"),
            ),
        ]
    lines = [f"| {name} | {took.clock_s:.3f} | {took.processor_s:.3f} | {TARGET_S} |" for name, took in rows]
    table = "\n".join(["| command | best of nine, s | of the processor, s | target, s |", "|---|---|---|---|", *lines])
    print(table)
    write_section(
        "start", f"Load of the machine before: {load:.2f} (one minute); on a loaded one the clock says more.\n\n{table}"
    )


if __name__ == "__main__":
    main()
