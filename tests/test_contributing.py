"""The worked example of CONTRIBUTING.md, carried out on a copy of the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test_docs import ROOT, commands, run_page, with_free_ports

EXAMPLE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a message, end to end")[2]
ADDITION = re.compile(r"Add to\s+`(src/[^`]+)`:\n\n```toml\n(.*?)```", re.DOTALL)


def checks_of_the_table(copy: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of the phrase table against a copy of the sources."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "tests/line/test_phrases.py"]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_a_message_is_added_end_to_end(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "src", copy / "src")
    additions = ADDITION.findall(EXAMPLE)
    assert len(additions) == 5
    for number, (file, block) in enumerate(additions, start=1):
        if number == len(additions):
            assert "has no phrase" in checks_of_the_table(copy).stdout
        with (copy / file).open("a", encoding="utf-8") as table:
            table.write(block)
    checked = checks_of_the_table(copy)
    assert checked.returncode == 0, checked.stdout
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "detente").write_text(f'#!/bin/sh\nPYTHONPATH={copy / "src"} exec {sys.executable} -m detente "$@"\n')
    (programs / "detente").chmod(0o755)
    code, printed = run_page(with_free_ports(commands(EXAMPLE)), tmp_path, programs)
    assert code == 0, printed
    assert "Beaucoup d’oiseaux à" in printed
