"""Location codes: a place as eight characters and a check, to be said, typed and compared (R11, R28).

The Earth is cut into 650,000 rows and 1,300,000 columns, so a cell is 31 m from south to north and at most 31 m wide. A
place of a line message is the middle of its cell: the code says it exactly, on every carrier.
"""

from __future__ import annotations

import math

from pyproj import Geod

from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.check_digits import characters_of, check_character, number_of

ROWS, COLUMNS = 650_000, 1_300_000
CELL_DEG = 180.0 / ROWS
CODE_CHARACTERS = 8
SURELY_CAUGHT_M = 22.0
"""From the middle of its cell no shift longer than this stays inside it: half the cell's longest diagonal, 21.8 m."""
_GEOD = Geod(ellps="WGS84")
_PLACE = 7
"""The check's own place, so that a location code is not a group of a spoken message."""


def cell_of(position: Position) -> int:
    """Return the number of the cell that holds a position."""
    row = min(ROWS - 1, math.floor((position.latitude_deg + 90.0) / CELL_DEG))
    return row * COLUMNS + math.floor((position.longitude_deg + 180.0) / CELL_DEG) % COLUMNS


def middle_of(cell: int) -> Position:
    """Return the position in the middle of a cell, to seven decimals."""
    row, column = divmod(cell, COLUMNS)
    return Position(round(-90.0 + (row + 0.5) * CELL_DEG, 7), round(-180.0 + (column + 0.5) * CELL_DEG, 7))


def location_code(position: Position) -> str:
    """Return the code of the cell that holds a position, like ``K3F7-09QZ-M``."""
    characters = characters_of(cell_of(position), CODE_CHARACTERS)
    return f"{characters[:4]}-{characters[4:]}-{check_character(characters, _PLACE)}"


def read_location_code(text: str, field: str = "location_code") -> Position:
    """Return the middle of the cell of a code as typed; raises Refusal when its check does not fit."""
    typed = text.upper().replace("-", "").replace(" ", "")
    try:
        cell = number_of(typed[:-1])
        right = len(typed) == CODE_CHARACTERS + 1 and check_character(typed[:-1], _PLACE) == typed[-1]
    except KeyError:
        right = False
    if not right or cell >= ROWS * COLUMNS:
        raise Refusal("line.message_id_code", field, text)
    return middle_of(cell)


def distance_and_bearing(datum: Position, position: Position) -> tuple[float, float]:
    """Return metres along the geodesic from the datum point, and degrees true there, 0 to 360."""
    bearing_deg, _, distance_m = _GEOD.inv(
        datum.longitude_deg, datum.latitude_deg, position.longitude_deg, position.latitude_deg
    )
    return float(distance_m), float(bearing_deg) % 360.0
