"""The stage of a rehearsal: real nodes, people at posts who type commands, and claims that are checked as they go.

A rehearsal is a function of a stage. What it shows is told in the stage's language as it happens, with real UTC times.
What it claims is looked up in the journals, never remembered from the run.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from detente.airspace.refusal import Refusal
from detente.api.client import TOKEN_VARIABLE
from detente.language import Language, text
from detente.language.figures import number
from detente.link.comparison import compare_copies
from detente.link.copies import Copy
from detente.record.verification import verify_journal
from detente.rehearsal.actor import Actor
from detente.rehearsal.names import REHEARSALS

REHEARSAL_MARKER = ".detente-rehearsal"
REFUSED_EXIT_CODE = 2
"""The exit code of a command that was refused."""
PATIENCE_S = 120.0
"""Ends what hangs, on a machine however busy; what must come in time is judged by the nodes' own clocks."""
GLANCE_S = 0.05


class CommentaryKind(StrEnum):
    """The kinds of line in the commentary."""

    TITLE = "title"
    SCENE = "scene"
    NOTE = "note"
    COMMAND = "command"
    ANSWER = "answer"
    CLAIM = "claim"
    RESULT = "result"


class CommentaryLine(NamedTuple):
    """One line of the commentary. `at` (UTC) and `who` where somebody does something; `holds` for a claim.

    Of a RESULT `who` is what was measured and `text` the figure.
    """

    kind: CommentaryKind
    text: str
    at: datetime | None = None
    who: str = ""
    holds: bool = True


class CheckedClaim(NamedTuple):
    """A claim of a rehearsal, by the key of its text, and whether it was true."""

    key: str
    holds: bool


class Stage:
    """A rehearsal: its directory, its actors, its language, and the function that shows what happens."""

    def __init__(self, out: Path, language: Language, show: Callable[[CommentaryLine], None]) -> None:
        self.out = out
        self.language = language
        self.claims: list[CheckedClaim] = []
        self.actors: list[Actor] = []
        self._show = show
        self._came_to_rest = False

    def words(self, key: str, **values: object) -> str:
        """Return the text under `key` in the stage's language."""
        return text(self.language, key, **values)

    def seconds(self, duration_s: float, decimals: int = 1) -> str:
        """Return a length of time in seconds as people read it."""
        return f"{number(self.language, duration_s, decimals)} s"

    def title(self, key: str, **values: object) -> None:
        """Show what is rehearsed, or a paragraph before it begins."""
        self._show(CommentaryLine(CommentaryKind.TITLE, self.words(key, **values)))

    def scene(self, key: str, **values: object) -> None:
        """Begin a scene."""
        self._show(CommentaryLine(CommentaryKind.SCENE, self.words(key, **values)))

    def note(self, actor: Actor | None, post: str, key: str, **values: object) -> None:
        """Say what somebody at a post does or does not do; of the story itself, with no actor."""
        at = None if actor is None else datetime.now(UTC)
        self._show(CommentaryLine(CommentaryKind.NOTE, self.words(key, **values), at, _who(actor, post)))

    def claim(self, key: str, holds: object, **values: object) -> bool:
        """Show a claim and whether it holds, and remember it."""
        self.claims.append(CheckedClaim(key, bool(holds)))
        self._show(CommentaryLine(CommentaryKind.CLAIM, self.words(key, **values), datetime.now(UTC), "", bool(holds)))
        return bool(holds)

    def result(self, key: str, figure: str, **values: object) -> None:
        """Show one line of the summary."""
        self._show(CommentaryLine(CommentaryKind.RESULT, figure, who=self.words(key, **values)))

    def types(
        self, actor: Actor, post: str, *arguments: str, keep: str = "", refused: bool = False, node: bool = True
    ) -> str:
        """Let a post type a `detente` command; show the lines of its answer that contain `keep`; return the answer.

        `refused` says that the command must be refused, which is then its answer and else a claim that does not hold.
        Without `node` the command is not about the actor's directory. Raises Refusal when a command fails.
        """
        typed = [*arguments, "--dir", str(actor.files.path)] if node else [*arguments]
        self._show(
            CommentaryLine(
                CommentaryKind.COMMAND, shlex.join(["detente", *typed]), datetime.now(UTC), _who(actor, post)
            )
        )
        done = subprocess.run(
            [sys.executable, "-m", "detente", *typed], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, env={**os.environ, "NO_COLOR": "1", "DETENTE_LANGUAGE": str(self.language)},
        )  # fmt: skip
        if refused:
            if done.returncode != REFUSED_EXIT_CODE:
                self.claim("rehearse.claim.refused", [])
        elif done.returncode != 0:
            said = done.stderr.strip()
            raise Refusal("rehearsal.another_end", shlex.join(typed), f"exit code {done.returncode}", said=said)
        answer = done.stderr if refused else done.stdout
        for line in answer.splitlines():
            if refused or (keep and keep in line):
                self._show(CommentaryLine(CommentaryKind.ANSWER, line.strip()))
        return answer

    def until(self, condition: Callable[[], object], patience_s: float | None = None) -> bool:
        """Wait until something is so; return whether it came to that, rather than hung."""
        deadline = time.monotonic() + (PATIENCE_S if patience_s is None else patience_s)
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(GLANCE_S)
        return True

    def enter(self, name: str, *, authority: bool = False) -> Actor:
        """Found a party in a directory of its own."""
        actor = Actor(name, self.out / name)
        self.actors.append(actor)
        actor.found_for_rehearsal(authority=authority)
        return actor

    def start(self) -> None:
        """Start every actor's node and wait until all are up."""
        for actor in self.actors:
            actor.start()
        for actor in self.actors:
            actor.wait()

    def leave(self) -> None:
        """Stop every node, once all say twice in a row, with the same journals, that nothing is under way."""
        before: list[int] = []

        def are_at_rest() -> bool:
            nonlocal before
            statuses = [actor.status() for actor in self.actors if actor.runs]
            seen, before = before, [int(status["journal_number"]) for status in statuses]
            return seen == before and all(status["envelopes_waiting"] == 0 for status in statuses)

        self._came_to_rest = self.until(are_at_rest)
        for actor in self.actors:
            actor.stop()

    def kill(self) -> None:
        """End every node that still runs, whatever it is doing."""
        for actor in self.actors:
            actor.kill()

    def prove(self, first: Actor, second: Actor) -> int:
        """Claim that the stopped nodes' journals hold and that both tell one history; return its messages.

        All was delivered when they came to rest; a check of the line that one sends while the other stops may not be.
        """
        sound = all(
            verify_journal(actor.files.journal_path, bytes.fromhex(actor.card.public_key)).ok for actor in self.actors
        )
        self.claim("rehearse.claim.journals", sound, count=len(self.actors))
        comparison = compare_copies(*(Copy(actor.files.path).read() for actor in (first, second)))
        equal = self._came_to_rest and comparison.equal and comparison.equal_envelopes > 0
        self.claim("rehearse.claim.transcripts", equal, first=first.name, second=second.name)
        return comparison.equal_envelopes

    @property
    def holds(self) -> bool:
        """Whether every claim held, and there were any."""
        return bool(self.claims) and all(claim.holds for claim in self.claims)


def play(name: str, out: Path, language: Language, show: Callable[[CommentaryLine], None]) -> Stage:
    """Play a rehearsal in `out`, which is emptied; return its stage, all nodes stopped.

    What goes otherwise than the story is a claim that does not hold. Raises Refusal for an unknown name or for a
    directory that cannot be used.
    """
    if name not in REHEARSALS:
        raise Refusal("rehearsal.one_rehearsals", "NAME", name, rehearsals=", ".join(REHEARSALS))
    rehearse = import_module(REHEARSALS[name]).rehearse
    fresh_directory(out, REHEARSAL_MARKER)
    # A token of the environment is another node's.
    os.environ.pop(TOKEN_VARIABLE, None)
    stage = Stage(out, language, show)
    try:
        rehearse(stage)
    except Refusal as refusal:
        stage.claim("rehearse.claim.goes_on", [], refusal=refusal)
    finally:
        stage.kill()
    return stage


def fresh_directory(out: Path, marker: str) -> None:
    """Make `out` empty but for `marker`; raises Refusal when it holds what no run made, or cannot be written."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / marker).exists())):
        raise Refusal("rehearsal.new_directory_or_one", "--out", str(out))
    try:
        if out.exists():
            shutil.rmtree(out)
        out.mkdir(parents=True)
        (out / marker).touch()
    except OSError as error:
        raise Refusal(
            "rehearsal.directory_writable", "--out", str(out), strerror=error.strerror or str(error)
        ) from None


def _who(actor: Actor | None, post: str) -> str:
    return "" if actor is None else f"{actor.name}, {post}" if post else actor.name
