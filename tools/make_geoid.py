"""Make src/detente/airspace/data/egm96_30.xz from the 15-minute EGM96 grid: python tools/make_geoid.py egm96_15.gtx.

The input is the public-domain grid in Debian's package proj-data, /usr/share/proj/egm96_15.gtx (NGA's spherical
harmonics, evaluated at every 15 minutes). The output keeps every second node in whole decimetres, as the differences
of differences (rows first) of 361 by 720 little-endian 16-bit integers, compressed with xz. It prints the worst error
of interpolating the output, for `GEOID_ERROR_M` in src/detente/airspace/geoid.py.
"""

from __future__ import annotations

import argparse
import lzma
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TARGET = Path(__file__).parent.parent / "src" / "detente" / "airspace" / "data" / "egm96_30.xz"


def read_gtx(path: Path) -> NDArray[np.float64]:
    """Read a world grid in NOAA's GTX format, rows from the south, columns east from -180 degrees."""
    raw = path.read_bytes()
    south, west, step_latitude, step_longitude, rows, columns = struct.unpack(">4d2i", raw[:40])
    assert (south, west, step_latitude, step_longitude, rows, columns) == (-90, -180, 0.25, 0.25, 721, 1440)
    return np.frombuffer(raw[40:], ">f4").reshape(rows, columns).astype(np.float64)


def worst_error_m(full: NDArray[np.float64], kept_m: NDArray[np.float64]) -> float:
    """Return the largest difference between both grids' bilinear interpolations: it is at a node of `full`."""
    wrapped = np.concatenate([kept_m, kept_m[:, :1]], axis=1)
    rows = np.empty((full.shape[0], wrapped.shape[1]))
    rows[::2] = wrapped
    rows[1::2] = (wrapped[:-1] + wrapped[1:]) / 2
    between = (rows[:, :-1] + rows[:, 1:]) / 2
    return float(max(np.abs(rows[:, :-1] - full[:, ::2]).max(), np.abs(between - full[:, 1::2]).max()))


def main() -> None:
    """Read the grid named on the command line, write the package's and print its size and worst error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gtx", type=Path)
    full = read_gtx(parser.parse_args().gtx)
    kept_dm = np.round(full[::2, ::2] * 10).astype(np.int16)
    differences = np.diff(np.diff(kept_dm, axis=1, prepend=0), axis=0, prepend=0).astype("<i2")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(lzma.compress(differences.tobytes(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{TARGET.stat().st_size:,} bytes, worst error {worst_error_m(full, kept_dm / 10.0):.3f} m")


if __name__ == "__main__":
    main()
