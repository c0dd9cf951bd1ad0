"""The cell of a position and the corners of a cell, to check a grid by."""

from detente.matching.grid import MICRODEGREES, QUARTER, grid_rows


def grid_cell(latitude_deg, longitude_deg, cell_dm):
    """Row and column of the cell that a position is in, its western and southern edges included."""
    rows = grid_rows(cell_dm)
    row = min(int((latitude_deg * MICRODEGREES + QUARTER) // rows.height_microdegrees), len(rows.columns) - 1)
    columns = int(rows.columns[row])
    return row, int((longitude_deg + 180.0) / 360.0 * columns) % columns


def cell_corners(row, column, cell_dm):
    """South, north, west and east of a cell, in degrees."""
    rows = grid_rows(cell_dm)
    height = rows.height_microdegrees
    columns = int(rows.columns[row])
    south = (row * height - QUARTER) / MICRODEGREES
    west = -180.0 + 360.0 * column / columns
    return south, min(south + height / MICRODEGREES, 90.0), west, west + 360.0 / columns
