"""A process that has imported a node's program and loaded its kernels, and forks for each command that it is to run.

Importing takes most of the time of a command and of a node's start. What runs is the same program in a process of its
own: only what never changes is shared. Run as `fork_server.py SOCKET`; see `forked.py` for those who ask.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from pathlib import Path

from detente.airspace.compile import compile_kernels
from detente.api.application import link_application, people_application, stop_application
from detente.settings.configuration import HttpSettings
from detente.utm.service.compile import compile_service_kernels

IMPORTED = (
    "detente.api.program", "detente.api.client", "detente.link.comparison", "detente.utm.service.process",
    "litestar.plugins.pydantic",
    "aiohttp.web", "typer.main", "typer._adapters", "rich.console",
)  # fmt: skip
"""What is imported beforehand. The commands themselves are not: they look at the environment when they are imported."""


def run(request: dict[str, object], descriptors: list[int]) -> int:
    """Be the command that was asked for; return its exit code."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.chdir(str(request["directory"]))
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    script = str(request["script"])
    sys.argv = [script or "detente", *request["arguments"]]  # type: ignore[misc]
    try:
        if script:
            runpy.run_path(script, run_name="__main__")
        else:
            importlib.import_module("detente.cli.main").main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:  # noqa: BLE001 - as the interpreter does at the end of a program
        sys.excepthook(*sys.exc_info())
        code = 1
    else:
        code = 0
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    return code


def say_ended(asking: dict[int, socket.socket], waiting: selectors.BaseSelector) -> None:
    """Say to those who asked how their processes ended, and forget them."""
    for process in list(asking):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            connection = asking.pop(process)
            with contextlib.suppress(KeyError):
                waiting.unregister(connection)
            with contextlib.suppress(OSError):
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            connection.close()


def serve(path: str) -> None:
    """Fork for each connection; say on it which process runs and how it ended. Who hangs up ends his process."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)  # who connects now waits until everything is imported
    for module in IMPORTED:
        importlib.import_module(module)
    for register in (people_application, link_application, stop_application):
        register(HttpSettings().largest_body_mb)
    compile_kernels()
    compile_service_kernels()
    gc.collect()
    gc.freeze()
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    for source in (listener, woken, sys.stdin):
        waiting.register(source, selectors.EVENT_READ)
    asking: dict[int, socket.socket] = {}
    while True:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:  # who started us is gone
                for process in asking:
                    os.kill(process, signal.SIGKILL)
                return
            if key.fileobj is woken:
                woken.recv(4096)
                say_ended(asking, waiting)
            elif key.fileobj is listener:
                connection, _ = listener.accept()
                message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
                process = os.fork()
                if process == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    # As a shell starts a command in the foreground: jobs in the background of a script ignore it.
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                    for other in (listener, woken, wake, connection, *asking.values()):
                        other.close()
                    os._exit(run(json.loads(message), descriptors))
                for descriptor in descriptors:
                    os.close(descriptor)
                connection.sendall(f"{process}\n".encode())
                asking[process] = connection
                waiting.register(connection, selectors.EVENT_READ, process)
            elif key.data in asking:
                os.kill(key.data, signal.SIGKILL)
                waiting.unregister(key.fileobj)


if __name__ == "__main__":
    serve(str(Path(sys.argv[1])))
