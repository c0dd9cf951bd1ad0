"""Draws docs/images/architecture.svg: the rooms on their floors.

The floors come from the import contract in pyproject.toml, what each room is for and whether it is pure from the table
in docs/architecture.md. `--check` says whether the drawing is as they are.
"""

from __future__ import annotations

import re
import sys
import textwrap
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DRAWING = ROOT / "docs" / "images" / "architecture.svg"
WIDTH, LEFT, RIGHT, TOP = 960, 64, 24, 92
ROW, GAP = 15, 8
LETTER = 6.1
"""Mean width of a letter of the small text, in pixels; the lines are broken by it."""
INK, QUIET, PAPER = "#1b2430", "#4a5766", "#ffffff"
PURE, PARTLY, OUTSIDE = ("#dcebf7", "#2f6f9f"), ("#e9e6f5", "#6a5aa8"), ("#f3f0ea", "#8a7a5c")
"""Fill and edge of a box: for a pure room, one that is pure but for some parts, one that touches the world outside."""
STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}"
    f".name{{font-size:15px;font-weight:600;fill:{INK}}}.what{{font-size:11.5px;fill:{QUIET}}}"
    f".title{{font-size:20px;font-weight:600;fill:{INK}}}.key{{font-size:12.5px;fill:{INK}}}"
)


def floors() -> list[list[str]]:
    """Return the rooms of each floor, from the top, by the import contract."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[module.strip().removeprefix("detente.") for module in layer.split("|")] for layer in layers]


def rooms() -> dict[str, tuple[str, str]]:
    """Return what each room is for, and the last column of its row, by the table in docs/architecture.md."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \|(.*)\|([^|]*)\|$", page, re.MULTILINE)
    return {room: (purpose.replace("`", "").strip(), pure.strip()) for room, purpose, pure in rows}


def colours(pure: str) -> tuple[str, str]:
    """Return fill and edge of the box of a room, by the last column of its row."""
    return OUTSIDE if not pure else PURE if pure == "yes" else PARTLY


def lines_of(purpose: str, width: float) -> list[str]:
    """Return what a room is for, in as many lines as a box of this width needs."""
    return textwrap.wrap(purpose, int((width - 24) / LETTER))


def box(room: str, lines: list[str], pure: str, place: tuple[float, float, float, float]) -> list[str]:
    """Return the box of a room with its name and what it is for; `place` is left, top, width and height."""
    fill, edge = colours(pure)
    x, y, width, height = place
    return [
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="{edge}"/>',
        f'<text class="name" x="{x + 12:g}" y="{y + 20:g}">{escape(room)}</text>',
        *(
            f'<text class="what" x="{x + 12:g}" y="{y + 37 + ROW * number:g}">{escape(line)}</text>'
            for number, line in enumerate(lines)
        ),
    ]


def drawing() -> str:
    """Return the drawing as SVG; raises KeyError for a room that the page does not describe."""
    described, levels = rooms(), floors()
    boxes: list[str] = []
    y = float(TOP)
    for level in levels:
        width = (WIDTH - LEFT - RIGHT - GAP * (len(level) - 1)) / len(level)
        texts = [lines_of(described[room][0], width) for room in level]
        height = 32 + ROW * max(map(len, texts))
        for number, (room, lines) in enumerate(zip(level, texts, strict=True)):
            boxes += box(room, lines, described[room][1], (LEFT + number * (width + GAP), y, width, height))
        y += height + GAP
    bottom = int(y) - GAP
    whole = bottom + 20
    middle = (TOP + bottom) // 2
    named = "; ".join(", ".join(level) for level in levels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" role="img" aria-labelledby="t d">',
        '<title id="t">The rooms of Détente and their floors</title>',
        f'<desc id="d">Each box is a package; it imports only from boxes below it. From the top: {named}.</desc>',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{whole}" fill="{PAPER}"/>',
        f'<text class="title" x="{LEFT}" y="36">The rooms of Détente: each imports only from those below it</text>',
    ]
    kinds = (
        (PURE, "pure: no clock, no disk, no network", 262),
        (PARTLY, "pure, but for its service", 192),
        (OUTSIDE, "touches the world outside", 0),
    )
    x = LEFT
    for (fill, edge), words, advance in kinds:
        parts.append(f'<rect x="{x}" y="56" width="16" height="16" rx="3" fill="{fill}" stroke="{edge}"/>')
        parts.append(f'<text class="key" x="{x + 24}" y="69">{words}</text>')
        x += advance
    parts += [
        f'<path d="M32 {TOP + 4}V{bottom - 8}" stroke="{QUIET}" stroke-width="2"/>',
        f'<path d="M24 {bottom - 12}L32 {bottom}L40 {bottom - 12}Z" fill="{QUIET}"/>',
        f'<text class="key" text-anchor="middle" transform="translate(22 {middle}) rotate(-90)">imports</text>',
    ]
    return "\n".join([*parts, *boxes, "</svg>", ""])


def main() -> None:
    """Write the drawing, or with `--check` exit with code 1 when it is not as it should be."""
    drawn = drawing()
    if "--check" in sys.argv[1:]:
        if not DRAWING.exists() or DRAWING.read_text(encoding="utf-8") != drawn:
            sys.exit(f"{DRAWING.name} is not as the rooms are: run python tools/architecture_drawing.py")
        return
    DRAWING.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
