"""detente warm: compile the numeric kernels ahead, so that no command waits for them."""

from __future__ import annotations

import time

from detente.cli.wording import language, say
from detente.language.figures import duration


def warm() -> None:
    """Compile the numeric kernels once, about a minute, and keep them; every command is quick from then on."""
    from detente.airspace.compile import compile_kernels
    from detente.matching.compile import compile_matching_kernels
    from detente.utm.service.compile import compile_service_kernels
    from detente.watch.compile import compile_watch_kernels

    for room, compile_room in (
        ("airspace", compile_kernels), ("matching", compile_matching_kernels), ("utm", compile_service_kernels),
        ("watch", compile_watch_kernels),
    ):  # fmt: skip
        began = time.monotonic()
        compile_room()
        say("warm.room", room=room, duration=duration(language(), round(time.monotonic() - began, 1)))


COMMANDS = {"warm": warm}
