"""Every text that is asked for exists, in every language. Who asks is found from the code, not from a list of names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import jinja2
import pytest
from definitions import imported, origin
from jinja2 import nodes
from source_tree import PYTHON, files, module_of, name, parsed

from detente.language import Language
from texts import texts

LOOK_UP = "detente.language.wording.text"
"""The function that all texts come through; its second parameter is the key."""
GIVEN, ANYTHING = "\N{BLACK SQUARE}", "\N{WHITE SQUARE}"
"""Stand in a key for the parameter of the function that asks, and for what is only known when the program runs."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Asker(NamedTuple):
    """A function that looks a text up by one of its parameters, and the keys that it makes of it."""

    place: int
    parameter: str
    keys: tuple[str, ...]


class Owned(NamedTuple):
    """A function of the package with its full name and, for a method, its class."""

    full_name: str
    node: Function
    path: Path
    is_method: bool


@cache
def functions() -> tuple[Owned, ...]:
    found = []
    for path in files("src", suffixes=PYTHON):
        module = module_of(path)
        for node in parsed(path).body:
            if isinstance(node, Function):
                found.append(Owned(f"{module}.{node.name}", node, path, is_method=False))
            elif isinstance(node, ast.ClassDef):
                methods = [one for one in node.body if isinstance(one, Function)]
                found += [Owned(f"{module}.{node.name}.{one.name}", one, path, is_method=True) for one in methods]
    return tuple(found)


@cache
def askers() -> dict[str, Asker]:
    """Every function that hands a parameter on as the key of a text, by its full name; a method by ".name"."""
    known = {LOOK_UP: Asker(1, "key", (GIVEN,))}
    before = 0
    while before < len(known):
        before = len(known)
        for one in functions():
            label = f".{one.node.name}" if one.is_method else one.full_name
            if label not in known and (asker := asker_of(one, known)):
                known[label] = asker
    return known


def asker_of(one: Owned, known: dict[str, Asker]) -> Asker | None:
    """How a function asks for texts by a parameter of its own; None for one that does not."""
    parameters = [one.arg for one in (*one.node.args.posonlyargs, *one.node.args.args, *one.node.args.kwonlyargs)]
    for call, asker in calls(one.node, one.path, known):
        key = key_of(call, asker)
        for parameter in {node.id for node in ast.walk(key) if isinstance(node, ast.Name)} if key else ():
            if parameter in parameters:
                made = [made for value in values_of(key, one.node, parameter) for made in made_of(asker, value)]
                if any(GIVEN in value for value in made):
                    return Asker(parameters.index(parameter) - one.is_method, parameter, tuple(made))
    return None


def calls(top: ast.AST, path: Path, known: dict[str, Asker]) -> Iterator[tuple[ast.Call, Asker]]:
    """The calls of known askers below a node."""
    for call, full, method in named_calls(top, path):
        asker = known.get(full) or known.get(method)
        if asker is not None:
            yield call, asker


@cache
def named_calls(top: ast.AST, path: Path) -> tuple[tuple[ast.Call, str, str], ...]:
    """Every call below a node, the full name of what it calls, and ".name" where that may be a method."""
    module, meaning = module_of(path), imported(path)
    found = [node for node in ast.walk(top) if isinstance(node, ast.Call)]
    return tuple(
        (
            call,
            origin(dotted(call.func, module, meaning)),
            f".{call.func.attr}" if isinstance(call.func, ast.Attribute) else "",
        )
        for call in found
    )


def dotted(node: ast.expr, module: str, meaning: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return meaning.get(node.id, f"{module}.{node.id}")
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, module, meaning)}.{node.attr}"
    return ""


def key_of(call: ast.Call, asker: Asker) -> ast.expr | None:
    """What a call gives as the key."""
    named = [word.value for word in call.keywords if word.arg == asker.parameter]
    return named[0] if named else call.args[asker.place] if len(call.args) > asker.place else None


def values_of(key: ast.expr | None, within: ast.AST, parameter: str = "") -> list[str]:
    """The values a key may take, as far as they are written out: none for one that comes from elsewhere."""
    match key:
        case ast.Constant(value=str(value)):
            return [value]
        case ast.IfExp():
            return [*values_of(key.body, within, parameter), *values_of(key.orelse, within, parameter)]
        case ast.JoinedStr():
            parts = [values_of(part, within, parameter) or [ANYTHING] for part in key.values]
            return ["".join(chosen) for chosen in product(*parts)]
        case ast.FormattedValue():
            return values_of(key.value, within, parameter)
        case ast.Name(id=name) if name == parameter:
            return [GIVEN]
        case ast.Name(id=name):
            assigned = [node for node in ast.walk(within) if isinstance(node, ast.Assign)]
            values = [
                node.value for node in assigned if name in {t.id for t in node.targets if isinstance(t, ast.Name)}
            ]
            return [value for one in values for value in values_of(one, ast.Pass(), parameter)]
    return []


def made_of(asker: Asker, key: str) -> list[str]:
    """The keys that an asker makes of the key it is given."""
    return [made.replace(GIVEN, key) for made in asker.keys]


def asked_for() -> Iterator[tuple[str, str]]:
    """Where a text is asked for, and its key."""
    for path in files("src", suffixes=PYTHON):
        module = parsed(path)
        functions_here = [node for node in ast.walk(module) if isinstance(node, Function)]
        rest = [node for node in module.body if not isinstance(node, Function | ast.ClassDef)]
        for scope in (*functions_here, *rest):
            for call, asker in calls(scope, path, askers()):
                for value in values_of(key_of(call, asker), scope):
                    yield from ((f"{name(path)}:{call.lineno}", key) for key in made_of(asker, value))
    for path in files("src", suffixes=frozenset({".html"})):
        page = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
        for call in page.find_all(nodes.Call):
            ending = {"say": ("",), "count_say": (".one", ".other")}.get(getattr(call.node, "name", ""), ())
            yield from (
                (f"{name(path)}:{call.lineno}", key + end)
                for arg in call.args[:1]
                for key in values_on_page(arg)
                for end in ending
            )


def values_on_page(key: nodes.Node) -> list[str]:
    """The values a key on a page may take, as far as they are written out."""
    match key:
        case nodes.Const(value=str(value)):
            return [value]
        case nodes.Concat():
            parts = [values_on_page(part) or [ANYTHING] for part in key.nodes]
            return ["".join(chosen) for chosen in product(*parts)]
        case nodes.CondExpr() if key.expr2 is not None:
            return [*values_on_page(key.expr1), *values_on_page(key.expr2)]
    return []


def matches(key: str, known: frozenset[str]) -> bool:
    """Whether a key is known; one that is only partly written out fits some key that is."""
    if ANYTHING not in key:
        return key in known
    return any(map(form_of(key).fullmatch, known))


def form_of(key: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, key.split(ANYTHING))))


def test_every_language_has_the_same_texts() -> None:
    for language in Language:
        missing = texts(Language.ENGLISH).keys() ^ texts(language).keys()
        assert not missing, f"write these in every language: {sorted(missing)}"


def test_every_text_that_is_asked_for_exists() -> None:
    known = texts(Language.ENGLISH).keys()
    unknown = {f"{place} {key}" for place, key in asked_for() if not matches(key, known)}
    assert not unknown, f"write these in the tables of every language: {sorted(unknown)}"


def test_every_text_is_asked_for() -> None:
    written = {
        value
        for path in files("src", suffixes=PYTHON)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for value in values_of(node, ast.Pass())
        if value.strip(ANYTHING)
    }
    written |= {key for _, key in asked_for() if key.strip(ANYTHING)}
    forms = [form_of(one) for one in written if "." in one.partition(ANYTHING)[0] and ANYTHING in one]
    unused = {
        key
        for key in texts(Language.ENGLISH).keys() - written
        if key.rpartition(".")[0] not in written and not any(form.fullmatch(key) for form in forms)
    }
    assert not unused, f"take these out of the tables of every language: {sorted(unused)}"


@pytest.mark.parametrize(
    "helper",
    [
        LOOK_UP, "detente.language.figures.counted", "detente.cli.wording.say", "detente.cli.wording.words",
        "detente.plots.bilingual.phrase", ".words",
    ],
)  # fmt: skip
def test_helpers_that_ask_are_found(helper: str) -> None:
    assert helper in askers()
