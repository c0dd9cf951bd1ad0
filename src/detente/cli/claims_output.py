"""How claims are shown: tables, and what each side says, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from detente.cli.wording import language, words
from detente.language import figures


def shown_time(text: str) -> str:
    """Return a time of the API as people read it."""
    return figures.utc_time(datetime.fromisoformat(text))


def word(kind: str, value: str) -> str:
    """Return the word of a fixed value, "claims.KIND.VALUE" in the language room."""
    return words(f"claims.{kind}.{value}")


def side_by_side(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table whose headings are names, such as those of parties."""
    from detente.cli.tables import print_table

    print_table(headings, rows, title=title)


def where_and_when(volume: dict[str, Any]) -> str:
    """Return a volume on one line: its area, heights and window."""
    area, band, time = volume["area"], volume["altitude"], volume["time"]
    if area["kind"] == "circle":
        from detente.language import figures

        radius = figures.distance(language(), float(area["radius_m"]))
        place = f"{place_text(area['centre'])}, {radius}"
    else:
        place = words("claims.polygon", count=len(area["vertices"]))
    heights = f"{altitude_text(band['lower'])} - {altitude_text(band['upper'])}"
    return f"{place}; {heights}; {shown_time(time['start'])} - {shown_time(time['end'])}"


def place_text(position: dict[str, Any]) -> str:
    """Return a position of the API as people read it."""
    return figures.position(float(position["latitude_deg"]), float(position["longitude_deg"]))


def altitude_text(altitude: dict[str, Any]) -> str:
    """Return an altitude of the API in both units, with its reference."""
    import msgspec

    from detente.airspace.altitude import Altitude

    read = msgspec.convert(altitude, Altitude)
    standard = altitude["reference"]["kind"] == "standard"
    reading = figures.altitude(language(), read.reading_m, standard_pressure=standard)
    return f"{reading} {words('claims.reference.' + altitude['reference']['kind'])}"


def statement_text(said: dict[str, Any]) -> str:
    """Return one statement, reply or answer of a party: its own words, flagged, its area and its evidence."""
    parts = []
    if said.get("words"):
        parts.append(words("claims.own_words", words=said["words"]))
    if said.get("volume"):
        parts.append(where_and_when(said["volume"]))
    evidence = said.get("evidence_sha256") or []
    parts += [
        words("claims.evidence", sha256=digest) for digest in ([evidence] if isinstance(evidence, str) else evidence)
    ]
    return "\n".join(parts)


def statement_rows(statements: dict[str, list[dict[str, Any]]]) -> tuple[list[str], list[list[str]]]:
    """Return the parties and, row by row, their statements beside each other; they are never merged."""
    parties = sorted(statements)
    longest = max((len(said) for said in statements.values()), default=0)
    rows = [
        [_cell(statements[party][number]) if number < len(statements[party]) else "" for party in parties]
        for number in range(longest)
    ]
    return parties, rows


def _cell(said: dict[str, Any]) -> str:
    return f"{shown_time(said['said_at'])}\n{statement_text(said)}"
