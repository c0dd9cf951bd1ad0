"""Message codes and the phrase table that both parties sign: one meaning, in the words of four languages (R33).

The table is package data (`phrases/*.toml`). Its canonical bytes are hashed, and the hash is compared at every line
check: two nodes with different words never believe that they say the same. No message means approval; no code says so.
"""

from __future__ import annotations

import hashlib
import string
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from detente.airspace.refusal import Refusal
from detente.line.parameters import KINDS, LineLanguage, Parameter, sayable

FORMAT = "detente-phrases-1"
ALWAYS_ANSWERS = frozenset({"say_again", "correction", "wait_until", "unable"})
"""Codes that may answer any message."""


class MessageClass(StrEnum):
    """What a message is about."""

    STOP = "stop"
    SAFETY = "safety"
    COORDINATION = "coordination"
    LINE = "line"


class MessageCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fixed message. `parameters` are kinds of value by name, in the order in which they are said."""

    number: int
    message_class: MessageClass = msgspec.field(name="class")
    parameters: dict[str, str] = {}
    read_back: bool = False
    answers: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of the table: for each phrase and word, how it is written and how another's reader says it."""

    language: LineLanguage
    direction: str
    digits: tuple[str, ...]
    words: dict[str, tuple[str, str]]
    phrases: dict[str, tuple[str, str]]


class PhraseTable(msgspec.Struct, frozen=True):
    """Every code, and its words in every language."""

    codes: dict[str, MessageCode]
    words: dict[LineLanguage, Words]

    def code(self, name: str) -> MessageCode:
        """Return the code of this name; raises Refusal when there is none."""
        found = self.codes.get(name)
        if found is None:
            raise Refusal("line.message_code", "code", name, codes=", ".join(self.codes))
        return found

    def checked(self, name: str, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
        """Return the parameters of a message with this code in their order and as they can be said.

        Raises Refusal for one that is missing, given twice, not the code's, or of another kind.
        """
        code = self.code(name)
        given = {parameter.name: parameter.value for parameter in parameters}
        if len(given) != len(parameters):
            raise Refusal("line.each_parameter_once", f"{name}.parameters", len(parameters))
        for extra in given.keys() - code.parameters.keys():
            raise Refusal(
                "line.parameter_name_parameters", f"{name}.{extra}", extra, name=name,
                parameters=", ".join(code.parameters),
            )  # fmt: skip
        found = []
        for parameter, kind in code.parameters.items():
            value = given.get(parameter)
            if not isinstance(value, KINDS[kind]):
                shown = None if value is None else type(value).__name__.lower()
                raise Refusal("line.parameter_of_kind", f"{name}.{parameter}", shown, kind=kind)
            found.append(Parameter(parameter, sayable(value)))
        return tuple(found)

    def by_number(self, number: int) -> str:
        """Return the name of the code with this number; raises Refusal when there is none."""
        for name, code in self.codes.items():
            if code.number == number:
                return name
        raise Refusal("line.number_message_code", "code", number)


def canonical_bytes(table: PhraseTable) -> bytes:
    """Return the bytes that both parties sign: JSON, sorted keys, no white space, every word in every language."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "codes": {
            name: {**msgspec.to_builtins(code), "parameters": list(code.parameters.items())}
            for name, code in table.codes.items()
        },
        "languages": {str(language): msgspec.to_builtins(words) for language, words in table.words.items()},
    }
    return msgspec.json.encode(document, order="deterministic")


def table_hash(table: PhraseTable) -> str:
    """Return the SHA-256 of the canonical bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(table)).hexdigest()


@cache
def phrase_table() -> PhraseTable:
    """Return the table that comes with the program; it never changes while it runs, and counts as a constant."""
    codes = msgspec.convert(_document("codes"), dict[str, MessageCode])
    return PhraseTable(codes, {language: msgspec.convert(_document(language), Words) for language in LineLanguage})


@cache
def phrase_table_hash() -> str:
    """Return the hash of the table that comes with the program."""
    return table_hash(phrase_table())


def faults(table: PhraseTable) -> list[str]:
    """Return what is wrong with a table, in a sentence each; none of it in the table that comes with the program."""
    found = []
    numbers = [code.number for code in table.codes.values()]
    found += [f"number {number} is used twice" for number in set(numbers) if numbers.count(number) > 1]
    for name, code in table.codes.items():
        found += [f"{name}: unknown kind {kind}" for kind in code.parameters.values() if kind not in KINDS]
        found += [f"{name}: unknown answer {answer}" for answer in code.answers if answer not in table.codes]
        if set(code.parameters.values()) & {"place", "height", "block", "length"} and not code.read_back:
            found.append(f"{name}: carries numbers and is not read back")
    english = table.words[LineLanguage.ENGLISH]
    for language, words in table.words.items():
        found += [f"{language}: {name} has no phrase" for name in table.codes.keys() - words.phrases.keys()]
        found += [f"{language}: {name} is no code" for name in words.phrases.keys() - table.codes.keys()]
        found += [f"{language}: {name} is in one language only" for name in words.words.keys() ^ english.words.keys()]
        for name, pair in words.phrases.items():
            expected = set(table.codes[name].parameters) if name in table.codes else set()
            found += [f"{language}: {name} has other placeholders" for text in pair if placeholders(text) != expected]
        for name, pair in words.words.items():
            expected = placeholders(english.words[name][0]) if name in english.words else set()
            found += [f"{language}: {name} has other placeholders" for text in pair if placeholders(text) != expected]
        if len(words.digits) != 10:
            found.append(f"{language}: {len(words.digits)} digits")
    return found


def placeholders(template: str) -> set[str]:
    """Return the names in braces of a phrase."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _document(name: str) -> Mapping[str, Any]:
    return tomllib.loads(files("detente.line").joinpath(f"phrases/{name}.toml").read_text(encoding="utf-8"))
