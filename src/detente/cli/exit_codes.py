"""The exit codes of every command: one meaning each, so that a script can tell one end from another."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """How a command ended. Each value carries its `meaning`, as docs/reference/exit-codes.md has it."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make the value of a number, with what it means."""
        made = int.__new__(cls, number)
        made._value_ = number
        made.meaning = meaning
        return made

    DONE = 0, "what was asked is done, or holds"
    CONFLICTS = 1, "there are conflicts"
    BAD_INPUT = 2, "what was asked cannot be done as it was said: nothing has changed"
    NOT_PROVEN = 3, "a journal, a transcript, a commitment or a claim is not proven"
    NOT_YET = 4, "a wait ended before the thing was so"
    PEER_AT_FAULT = 5, "the peer broke the protocol, or broke a run off"
    DIFFER = 6, "the two sides differ: transcripts, reviews"
    NODE_STOPPED = 7, "the node stopped meanwhile"
    NO_NODE = 8, "no node runs there, or it does not answer"
    TO_MEND = 9, "something is to be mended"
    LEFT_OUT = 10, "too much of a file was wrong or incomplete, so that what was found is not all there is"
    NOTHING_COMPARED = 11, "no plan of one file is where and when any of the other is: nothing was compared"
    UNEXPECTED = 70, "an error of Détente itself; the line names the file with its traceback"
    INTERRUPTED = 130, "interrupted from the keyboard"
    CLOSED_PIPE = 141, "whoever read the output has closed it"
    TOLD_TO_END = 143, "told to end by a signal (SIGTERM); what it had begun on the screen is put back"
