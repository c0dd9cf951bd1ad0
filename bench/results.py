"""Keep each benchmark's last figures in its own section of RESULTS.md, with the machine and the command."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = "# Figures of the benchmarks\n\nEach section is written by the command it names; run it to have your own.\n"


def write_section(name: str, markdown: str) -> None:
    """Replace the section `name` of RESULTS.md, or append it; the machine, the date and the command are added."""
    command = f"make bench-{Path(sys.argv[0]).stem.replace('_', '-')}"
    arguments = " ".join(sys.argv[1:])
    if arguments:
        command = f"python {Path(sys.argv[0]).parent.name}/{Path(sys.argv[0]).name} {arguments}"
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{markdown.strip()}\n\n`{command}` on {machine()}, {when}.\n{end}"
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text)
    else:
        text = text.rstrip() + "\n\n" + section + "\n"
    temporary = RESULTS.with_suffix(".md.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(RESULTS)


def machine() -> str:
    """Processor, cores, memory and Python of this machine, in one line."""
    cores = len(os.sched_getaffinity(0))
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = os.getloadavg()[0]
    return (
        f"{processor()}, {cores} cores, {memory_gb:.0f} GB, Python {platform.python_version()}, "
        f"load {load:.1f} at the end"
    )


def processor() -> str:
    """The processor's name as Linux gives it, or what the platform says."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
