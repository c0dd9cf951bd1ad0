"""Writes a benchmark's figures into its own section of bench/RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEADING = """# Figures

What the benchmarks last printed: `make bench-NAME` runs one and rewrites its section. Peers run in the same run, on the
same machine; figures vary by some ten per cent from run to run, more on a busy machine.
"""


def machine() -> str:
    """Processor, cores, memory and Python of this machine, in one line."""
    processor = platform.processor()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", cpu_info.read_text(), re.MULTILINE)
        processor = found.group(1).strip() if found else processor
    cores = len(os.sched_getaffinity(0))
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{processor}, {cores} cores, {memory_gb:.0f} GB, Python {platform.python_version()}"


def write_section(name: str, markdown: str) -> None:
    """Replace the section `name` of RESULTS.md, or add it; machine, date and command are added above `markdown`."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEADING
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    section = f"{begin}\n## {name}\n\n{machine()}; {moment}; `make bench-{name}`\n\n{markdown.strip()}\n{end}"
    if begin in text:
        head, rest = text.split(begin, 1)
        text = head + section + rest.split(end, 1)[1]
    else:
        text = text.rstrip() + "\n\n" + section + "\n"
    RESULTS.write_text(text, encoding="utf-8")
