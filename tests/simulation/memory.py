"""What is pure and asked again and again is worked out once: the same signature, plan, document or text.

Each node of a run compiles the plans that the others have compiled, each replay decodes the journal anew, and a
signature is checked by everybody who sees it. None of this depends on anything but what goes in: a run with this memory
is the same history as one without (`test_simulation.py` holds both against each other). What is not remembered:
anything that a node decides, folds, writes or reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from detente.accord import terms
from detente.airspace import compiled
from detente.airspace.compiled import CompiledPlans, Vocabulary
from detente.airspace.plan import Plan
from detente.link import envelope, session
from detente.record import keys

KEPT = 20_000
compile_anew, boxes_anew, sign_anew = compiled.compile_plans, compiled.boxes, keys.NodeKey.sign
_check_signature = lru_cache(maxsize=KEPT)(keys.verify)
_read_document = lru_cache(maxsize=KEPT)(session.read_document)
_read_envelope = lru_cache(maxsize=KEPT)(envelope.read_envelope)
_parse_accord = lru_cache(maxsize=KEPT)(terms.parse_accord)
"""A refusal is raised anew each time."""


@lru_cache(maxsize=KEPT)
def _compile(plans: tuple[Plan, ...], classes: tuple[str, ...], references: tuple[Any, ...]) -> Any:
    """Compile plans after a vocabulary of these words; return it as it is then, too."""
    vocabulary = Vocabulary(*({word: number for number, word in enumerate(words)} for words in (classes, references)))
    return compile_anew(plans, vocabulary), vocabulary


def _compile_plans(plans: Sequence[Plan], vocabulary: Vocabulary) -> CompiledPlans:
    found, grown = _compile(tuple(plans), tuple(vocabulary.classes), tuple(vocabulary.references))
    vocabulary.classes.update(grown.classes)
    vocabulary.references.update(grown.references)
    return found


class _Same:
    """Something that is equal to itself only."""

    __slots__ = ("of",)

    def __init__(self, of: CompiledPlans) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.of is self.of

    def __hash__(self) -> int:
        return id(self.of)


@lru_cache(maxsize=KEPT)
def _boxes_of(plans: _Same, frame: int) -> Any:
    return boxes_anew(plans.of, frame)


def _boxes(plans: CompiledPlans, frame: int) -> Any:
    """Return arrays of the caller's own: some grow theirs."""
    low, high = _boxes_of(_Same(plans), frame)
    return low.copy(), high.copy()


_signed: dict[tuple[bytes, bytes], bytes] = {}
"""The signatures made in this process, by key and message. Ed25519 makes one and the same for both (RFC 8032)."""


def _sign(key: keys.NodeKey, message: bytes) -> bytes:
    asked = (key.public, message)
    signature = _signed.get(asked)
    if signature is None:
        if len(_signed) >= KEPT:
            _signed.clear()
        signature = _signed[asked] = sign_anew(key, message)
    return signature


def _verify(public: bytes, signature: bytes, message: bytes) -> bool:
    return _signed.get((public, message)) == signature or _check_signature(public, signature, message)


REMEMBERED: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = (
    (keys.verify, _verify), (session.read_document, _read_document), (envelope.read_envelope, _read_envelope),
    (terms.parse_accord, _parse_accord), (compile_anew, _compile_plans), (boxes_anew, _boxes),
)  # fmt: skip


def remember() -> None:
    """From now on this process remembers, in every module of ours that it has imported."""
    keys.NodeKey.sign = _sign
    for plain, remembered in REMEMBERED:
        _replace(plain, remembered)


def forget() -> None:
    """Work everything out again, as the program does."""
    keys.NodeKey.sign = sign_anew
    for plain, remembered in REMEMBERED:
        _replace(remembered, plain)


def _replace(function: Callable[..., Any], by: Callable[..., Any]) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("detente."):
            for word in [word for word, value in vars(module).items() if value is function]:
                setattr(module, word, by)
