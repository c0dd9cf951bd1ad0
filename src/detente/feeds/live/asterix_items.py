"""The items of one ASTERIX record by name, and what all categories say alike."""

from __future__ import annotations

from typing import Any

DAY_S = 86_400.0


class Fields:
    """The items of a record, as libasterix gives them; what is not there is None."""

    __slots__ = ("_record",)

    def __init__(self, record: Any) -> None:  # noqa: ANN401 - a class made from the specification
        self._record = record

    def _content(self, item: str, parts: tuple[str, ...]) -> Any:  # noqa: ANN401
        found = self._record.get_item(item)
        for part in parts:
            if found is None:
                return None
            found = found.variation.get_item(part)
        return found

    def whole(self, item: str, *parts: str) -> int | None:
        """Return the bits of an item, or of a part of it, as a whole number."""
        found = self._content(item, parts)
        return None if found is None else int(found.as_uint())

    def number(self, unit: str, item: str, *parts: str) -> float | None:
        """Return a quantity in the unit of the specification."""
        found = self._content(item, parts)
        return None if found is None else float(found.variation.content.as_quantity(unit))

    def text(self, item: str, *parts: str) -> str:
        """Return letters; empty where there are none."""
        found = self._content(item, parts)
        return "" if found is None else str(found.variation.content.as_string())

    def source_code(self) -> tuple[int, int]:
        """Return SAC and SIC of who sends."""
        code = self.whole("010") or 0
        return code >> 8, code & 0xFF

    def at_s(self, received_s: float, *items: str) -> float:
        """Return the time of the first of `items` that is there, seconds since 1970; of none, that of the arrival.

        A time of day is of that day on which it is nearest to the arrival.
        """
        for item in items:
            time_of_day_s = self.number("s", item)
            if time_of_day_s is not None:
                midnight_s = received_s // DAY_S * DAY_S
                days = round((received_s - midnight_s - time_of_day_s) / DAY_S)
                return midnight_s + time_of_day_s + days * DAY_S
        return received_s


def times(value: float | None, unit: float) -> float | None:
    """Return a value in another unit; None stays None."""
    return None if value is None else value * unit
