"""Every end of a command has its code, and what goes wrong is one line, whatever the terminal and the language."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from command_line import run_detente

import detente
from detente.cli.exit_codes import ExitCode
from detente.cli.main import COMMANDS, loaded
from detente.language.wording import Language

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs" / "samples"
DETENTE = [sys.executable, "-m", "detente"]


def one_line(done: subprocess.CompletedProcess[str], code: ExitCode) -> str:
    assert done.returncode == code, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("detente: ")
    return line


def test_the_page_of_exit_codes_is_as_they_are() -> None:
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(str(int(code)), code.name.lower(), code.meaning) for code in ExitCode]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chek",), "Is check meant?"),
        (("plan", "lst"), "Is list meant?"),
        (("status", "--untill", "up"), "Is --until meant?"),
        (("status", "--until"), "--until: nothing; expected a value."),
        (("status", "--wait-s", "soon"), "--wait-s: 'soon'; expected a number."),
        (("status", "--wait-s", "-1"), "expected a number of at least 0"),
        (("status", "--wait-s", "nan"), "expected a number."),
        (("status", "--until", "never"), "expected one of up, settled"),
        (("journal", "show", "j", "--first", "x"), "expected a whole number"),
        (("dss", "--port", "99999"), "expected a number from 0 to 65535"),
        (("accord", "schema", "all"), "detente accord schema: 'all'; expected nothing more"),
        (("conflicts", "--cleared=1"), "--cleared: nothing; expected no value"),
        (("check", "ours"), "THEIRS: nothing; expected a value."),
    ],
)
def test_a_slip_in_the_command_line_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    line = one_line(run_detente(*arguments), ExitCode.BAD_INPUT)
    assert said in line


def test_a_slip_is_said_in_the_chosen_language() -> None:
    for arguments in (("chek",), ("status", "--wait-s", "soon"), ("status", "--until"), ("accord", "schema", "all")):
        line = one_line(run_detente(*arguments, language="fr"), ExitCode.BAD_INPUT)
        assert "attendu" in line
        assert "expected" not in line


def test_a_language_that_is_none_is_refused_with_those_there_are() -> None:
    for done in (
        run_detente("--help", language="xx"),
        run_detente("check", "a", "b", "--language", "xx"),
        run_detente("rehearse", "--language", "xx"),
    ):
        line = one_line(done, ExitCode.BAD_INPUT)
        assert f"one of {', '.join(Language)}" in line


def test_the_version_is_said() -> None:
    done = run_detente("--version")
    assert (done.returncode, done.stdout) == (0, f"detente {detente.__version__}\n")


def test_without_a_command_the_help_is_shown_and_it_is_a_mistake() -> None:
    done = run_detente()
    assert done.returncode == ExitCode.BAD_INPUT
    assert "Commands:" in done.stderr


def test_an_error_of_our_own_is_one_line_that_names_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr("detente.record.verification.verify_journal", fails)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    line = one_line(run_detente("journal", "verify", tmp_path), ExitCode.UNEXPECTED)
    (file,) = tmp_path.glob("*.traceback")
    assert str(file) in line
    assert "ZeroDivisionError: by" in line
    assert "Traceback" in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_error_is_said_where_no_file_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("detente.record.verification.verify_journal", fails)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert "ZeroDivisionError" in one_line(run_detente("journal", "verify", tmp_path), ExitCode.UNEXPECTED)


@pytest.mark.parametrize("settings", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {}])
def test_what_a_terminal_cannot_show_is_replaced(settings: dict[str, str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "DETENTE_LANGUAGE": "fr", **settings}
    files = [str(SAMPLES / "ours.geojson"), str(SAMPLES / "theirs.geojson")]
    done = subprocess.run([*DETENTE, "check", *files], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (ExitCode.CONFLICTS, "")
    assert "? nous" in done.stdout


def test_a_pipe_that_was_closed_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*DETENTE, "accord", "schema"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.CLOSED_PIPE, "")


def test_where_no_node_runs_has_a_code_of_its_own(tmp_path: Path) -> None:
    assert run_detente("init", "--dir", tmp_path / "north", "--name", "north").returncode == 0
    for command in (("line", "stop"), ("status", "--until", "up", "--wait-s", "0")):
        line = one_line(run_detente(*command, "--dir", tmp_path / "north"), ExitCode.NO_NODE)
        assert f"detente node --dir {tmp_path / 'north'}" in line


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_each_command_says_of_itself(name: str) -> None:
    said = " ".join((loaded(name).help or "").split())
    assert said.startswith(COMMANDS[name].about.removesuffix("."))


@pytest.mark.parametrize("arguments", [["--help"], ["line", "stop", "--dir", "/nonexistent"]])
def test_what_has_to_be_quick_loads_little(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom detente.cli.main import main\n"
        f"sys.argv = ['detente', *{arguments}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "numba", "pydantic", "rich", "litestar", "uvloop", "aiohttp", "sqlite3", "asyncio"}
    assert not heavy & set(done.stderr.split())


@contextmanager
def unsettled_node(directory: Path, answers: int) -> Iterator[None]:
    """What answers as a node that is not settled, so many times, and then is gone."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"settled": False, "journal_number": 1}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    def serve() -> None:
        for _ in range(answers):
            server.handle_request()
        server.server_close()

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        address = {"url": f"http://127.0.0.1:{server.server_port}", "pid": os.getpid()}
        (directory / "node.address").write_text(json.dumps(address))
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_a_wait_that_was_in_vain_and_a_node_that_stopped_meanwhile_are_told_apart(tmp_path: Path) -> None:
    north = tmp_path / "north"
    assert run_detente("init", "--dir", north, "--name", "north").returncode == 0
    asked = ("status", "--dir", north, "--until", "settled", "--quiet")
    with unsettled_node(north, 1):
        assert run_detente(*asked, "--wait-s", "0").returncode == ExitCode.NOT_YET
    with unsettled_node(north, 1):
        one_line(run_detente(*asked, "--wait-s", "1"), ExitCode.NODE_STOPPED)


def test_an_interrupted_command_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("detente.record.verification.verify_journal", interrupted)
    done = run_detente("journal", "verify", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.INTERRUPTED, "", "")
