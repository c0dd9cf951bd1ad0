"""Characters that can be said and typed without mistaking one for another, in groups that each carry a check.

31 characters: the digits and the letters without I, L, O, S and U, which are heard or written like others. 31 is prime,
so a weighted sum modulo 31 catches every single wrong character and every two neighbours exchanged. Each group has its
own check character, which also depends on the group's place, so that groups left out or exchanged are caught too.
"""

from __future__ import annotations

from detente.airspace.refusal import Refusal

ALPHABET = "0123456789ABCDEFGHJKMNPQRTVWXYZ"
BASE = len(ALPHABET)
GROUP = 7
"""Characters of a group before its check character."""
_WEIGHT = 3
"""A primitive root modulo 31: the weights of neighbours always differ."""
_SAME = str.maketrans({"I": "1", "L": "1", "O": "0", "S": "5", "U": "V"})
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def characters_of(number: int, length: int) -> str:
    """Return `number` in base 31 with `length` characters; ValueError when it does not fit."""
    found = []
    for _ in range(length):
        number, rest = divmod(number, BASE)
        found.append(ALPHABET[rest])
    if number:
        raise ValueError(f"more than {length} characters")
    return "".join(reversed(found))


def number_of(characters: str) -> int:
    """Return the number that `characters` of the alphabet write in base 31."""
    number = 0
    for character in characters:
        number = number * BASE + _VALUES[character]
    return number


def check_character(characters: str, place: int = 0) -> str:
    """Return the check character of a group, `place` counted from 0 in its code."""
    total, weight = place + 1, 1
    for character in characters:
        weight = weight * _WEIGHT % BASE
        total += weight * _VALUES[character]
    weight = weight * _WEIGHT % BASE
    return ALPHABET[-total * pow(weight, -1, BASE) % BASE]


def with_checks(characters: str) -> str:
    """Return characters in groups, each with its check character, joined by hyphens."""
    groups = [characters[start : start + GROUP] for start in range(0, len(characters), GROUP)]
    return "-".join(group + check_character(group, place) for place, group in enumerate(groups))


def without_checks(text: str, field: str) -> str:
    """Return the characters of a code as somebody typed it, in any case and spacing.

    Raises Refusal naming the first group whose check character does not fit, by its place from 1 and by what was typed.
    """
    typed = "".join(character for character in text.upper() if character not in " -\t\r\n.").translate(_SAME)
    unknown = next((character for character in typed if character not in _VALUES), None)
    if unknown is not None:
        raise Refusal("line.characters_alphabet", field, unknown, alphabet=ALPHABET)
    groups = [typed[start : start + GROUP + 1] for start in range(0, len(typed), GROUP + 1)]
    for place, group in enumerate(groups):
        if len(group) < 2 or check_character(group[:-1], place) != group[-1]:
            raise Refusal("line.group_with_check_character", field, group, place=place + 1, count=len(groups))
    if not groups:
        raise Refusal("line.code_at_least_one_group", field, text)
    return "".join(group[:-1] for group in groups)
