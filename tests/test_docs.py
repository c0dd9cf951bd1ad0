"""Every command that the documentation shows is run, in the order of its page, and ends as the page says.

In blocks marked ``console`` or ``bash`` each line is a command; where a block has lines that begin with "$ ", only
those are and the rest is what they print. A comment ``# exit 1`` at the end says the exit code, 0 when nothing is said.
A line that ends with a backslash goes on in the next one, and a here-document is part of its command. A page is one
shell: what one command leaves behind, the next one finds, and what it starts with ``&`` is ended with the page. In
place of a port of this machine that a page names, a free one is used: another program may have that of the page.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import forked
from ports import free_port

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
OTHER_PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
"""The commands of these set the machine up, or are run by a test of their own."""
EXPECTED_EXIT = re.compile(r"\s#\s*exit (\d+)\s*$")
HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
PORT = re.compile(r"(?<=--port )\d+|(?<=localhost:)\d+|(?<=127\.0\.0\.1:)\d+")
LONGEST_PAGE_S = 800
"""Ends a page that hangs; a loaded machine may take long over one that does not."""
LONG_PAGES = {
    "docs/how-to/agree-a-zone.md", "docs/how-to/back-up-and-restore.md", "docs/how-to/match-over-files.md",
    "docs/how-to/match-privately.md", "docs/how-to/report-an-incident.md", "docs/how-to/suspend-and-resume.md",
    "docs/how-to/tell-a-humanitarian-flight.md", "docs/how-to/use-the-line.md",
}  # fmt: skip


class Command(msgspec.Struct, frozen=True):
    """What to run, where the page shows it, and how it must end."""

    line: int
    text: str
    exit_code: int

    @property
    def is_make(self) -> bool:
        return self.text.split()[0] == "make"


def blocks(page: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and lines of each block of commands."""
    lines = page.splitlines()
    number = 0
    while number < len(lines):
        fence = re.match(r"\s*(`{3,})(\w*)", lines[number])
        number += 1
        if fence:
            start = number
            while number < len(lines) and not lines[number].strip().startswith(fence[1]):
                number += 1
            if fence[2] in ("console", "bash"):
                yield start + 1, lines[start:number]
            number += 1


def commands(page: str) -> list[Command]:
    """The commands of a page in order."""
    found: list[Command] = []
    for first, lines in blocks(page):
        prompted = any(line.lstrip().startswith("$ ") for line in lines)
        rest = list(enumerate(lines, start=first))
        while rest:
            number, line = rest.pop(0)
            line = line.strip()
            if prompted and not line.startswith("$ "):
                continue
            text = line.removeprefix("$ ")
            if not text or text.startswith("#"):
                continue
            while text.endswith("\\") and rest:
                text = f"{text[:-1].rstrip()} {rest.pop(0)[1].strip().removeprefix('> ')}"
            here = HERE_DOCUMENT.search(text)
            while here and rest:
                following = rest.pop(0)[1]
                text += "\n" + following
                if following.strip() == here[2]:
                    break
            said = EXPECTED_EXIT.search(text)
            found.append(Command(number, text, int(said[1]) if said else 0))
    return found


def with_free_ports(run: list[Command]) -> list[Command]:
    """The commands with a free port in place of each that they name for this machine.

    A node's port for people stays a thousand above that for its peers.
    """
    ports: dict[str, str] = {}
    for port in sorted({port for command in run for port in PORT.findall(command.text)}, key=int):
        for_peers = ports.get(str(int(port) - 1000))
        ports[port] = str(free_port()) if for_peers is None else str(int(for_peers) + 1000)
    return [
        msgspec.structs.replace(command, text=PORT.sub(lambda found: ports[found[0]], command.text)) for command in run
    ]


def script(run: list[Command]) -> str:
    """A shell script that runs commands until one ends otherwise than it should."""
    steps = ["set -o pipefail"]
    for command in run:
        steps.append(f"printf '%s\\n' {shlex.quote(f'line {command.line}: {command.text}')}")
        steps.append(f"{{\n{command.text}\n}}\ncode=$?")
        steps.append(
            f"[ $code -eq {command.exit_code} ] || "
            f"{{ echo 'exit code '$code', expected {command.exit_code}'; exit 1; }}"
        )
    return "\n".join(steps) + "\n"


def stand_ins(folder: Path) -> Path:
    """A folder, last on the pages' PATH, with what a stock machine lacks."""
    place = folder / "stand-ins"
    place.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests" / "curl_stand_in.py", place / "curl")
    return place


def run_page(run: list[Command], folder: Path, programs: Path | None = None) -> tuple[int, str]:
    """Run commands in `folder`, with these programs before those installed; the exit code and all that was printed."""
    over, ours = os.pipe()
    (folder / "page.sh").write_text(ends_with_us(over) + script(run), encoding="utf-8")
    first = [str(programs)] if programs else []
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("DETENTE_", "PYTEST_"))},
        "PATH": os.pathsep.join([*first, str(Path(sys.executable).parent), os.environ["PATH"], str(stand_ins(folder))]),
        "HOME": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "120", "NO_COLOR": "1",
    }  # fmt: skip
    printed = folder / "printed.txt"
    try:
        with printed.open("wb") as output:
            shell = subprocess.Popen(
                ["bash", "page.sh"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[over],
            )  # fmt: skip
        try:
            code = shell.wait(LONGEST_PAGE_S)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            end_session(shell)
    finally:
        os.close(over)
        os.close(ours)
    return code, printed.read_text(encoding="utf-8", errors="replace")


def ends_with_us(over: int) -> str:
    """What ends a page's shell and all that it started once the other end of the pipe `over` is closed: we are gone."""
    return f"{{ read -r <&{over}; kill -KILL 0; }} & disown; exec {over}<&-\n"


def end_session(shell: subprocess.Popen[bytes]) -> None:
    """End the shell and whatever it left running."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(shell.pid, ending)
        except ProcessLookupError:
            return
        try:
            shell.wait(5)
        except subprocess.TimeoutExpired:
            continue


def with_commands(page: Path) -> bool:
    return any(not command.is_make for command in commands(page.read_text(encoding="utf-8")))


def pages_with_commands() -> list[object]:
    """Every page with commands; those with very many are long tests."""
    pages = [(p, p.relative_to(ROOT).as_posix()) for p in PAGES if with_commands(p)]
    return [pytest.param(p, id=name, marks=[pytest.mark.long] if name in LONG_PAGES else []) for p, name in pages]


@pytest.mark.parametrize("page", pages_with_commands())
def test_commands_run_as_shown(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "samples", tmp_path / "docs" / "samples")
    run = [command for command in commands(page.read_text(encoding="utf-8")) if not command.is_make]
    programs = None if page.name == "README.md" else forked.program().parent
    code, printed = run_page(with_free_ports(run), tmp_path, programs)
    assert code == 0, (
        f"{page.relative_to(ROOT)}: a command does not end as shown; mend the page, or say `# exit N`:\n{printed}"
    )


def test_make_commands_are_run_by_ci() -> None:
    """They set the machine up, so that they are not run from within a test; `.ci/run` runs them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    shown = {
        command.text.split()[1]
        for page in PAGES
        for command in commands(page.read_text(encoding="utf-8"))
        if command.is_make
    }
    assert {"demo", "test"} <= shown, "the README begins with make demo and make test"
    for target in shown:
        if target.startswith("bench-"):
            script_path = ROOT / "bench" / f"{target.removeprefix('bench-').replace('-', '_')}.py"
            assert script_path.exists(), f"make {target} has no script {script_path.name}"
            continue
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"make {target} is not in the Makefile"
        assert re.search(rf"^make {re.escape(target)}\b", ci, re.MULTILINE), f"let .ci/run run make {target}"


def test_links_lead_somewhere() -> None:
    broken = []
    for page in [*PAGES, *OTHER_PAGES]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            place = target.partition("#")[0]
            if place and "://" not in place and not place.startswith("mailto:") and not (page.parent / place).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken, f"mend or write what they lead to: {broken}"


PAGE = """
Text, and `make demo`.

```console
first one  # not an exit code
false  # exit 1
```

```toml
not = "a command"
```

```bash
$ echo a \\
    b
a b
$ cat > note.txt <<'END'
kept  as it is
END
$ cat note.txt
```
"""


def test_commands_are_read_as_meant() -> None:
    assert [(c.line, c.text, c.exit_code) for c in commands(PAGE)] == [
        (5, "first one  # not an exit code", 0),
        (6, "false  # exit 1", 1),
        (14, "echo a b", 0),
        (17, "cat > note.txt <<'END'\nkept  as it is\nEND", 0),
        (20, "cat note.txt", 0),
    ]


def test_a_port_is_another_and_the_same_wherever_it_is_named() -> None:
    run = [
        Command(1, "detente dss --port 8082 &", 0),
        Command(2, "curl http://localhost:8082/a http://127.0.0.1:8083", 0),
    ]
    first, second = with_free_ports(run)
    port = first.text.split()[3]
    assert port != "8082"
    assert second.text.startswith(f"curl http://localhost:{port}/a http://127.0.0.1:")
    assert not second.text.endswith(("8083", port))


def test_a_command_that_ends_otherwise_is_found(tmp_path: Path) -> None:
    run = [
        Command(1, "cd . && left=7", 0),
        Command(2, 'test "$left" = 7', 0),
        Command(3, "false", 0),
        Command(4, "echo on", 0),
    ]
    code, printed = run_page(run, tmp_path)
    assert code == 1
    assert "line 3: false\nexit code 1, expected 0" in printed
    assert "line 4" not in printed
    assert run_page([Command(1, "exit 0 | false", 1)], tmp_path)[0] == 0


def test_what_a_page_starts_is_ended_with_it(tmp_path: Path) -> None:
    code, printed = run_page([Command(1, "sleep 600 & echo started $!", 0)], tmp_path)
    assert code == 0
    assert not is_running(int(printed.split()[-1]))


def test_a_page_ends_with_its_test_when_that_is_killed(tmp_path: Path) -> None:
    tester = os.fork()
    if tester == 0:
        try:
            run_page([Command(1, "sleep 600 & echo $$ $! > running; wait", 0)], tmp_path)
        finally:
            os._exit(1)
    running = tmp_path / "running"
    while not (running.exists() and running.read_text()):
        time.sleep(0.02)
    os.kill(tester, signal.SIGKILL)
    os.waitpid(tester, 0)
    assert not any(is_running(int(process)) for process in running.read_text().split())


def is_running(process: int) -> bool:
    """Whether a process is there and has not ended; one that ended may stay as a zombie until it is collected."""
    status = Path(f"/proc/{process}/stat")
    for _ in range(200):
        try:
            if status.read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except (FileNotFoundError, ProcessLookupError):
            return False
        time.sleep(0.05)
    return True


def test_the_readme_s_python_runs_as_it_stands() -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    done = subprocess.run(
        [sys.executable, "-c", example[1] + "\nassert conflicts"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
