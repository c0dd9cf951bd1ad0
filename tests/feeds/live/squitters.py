"""Extended squitters made for tests, by the definition of their bits and independently of what decodes them.

Source: RTCA DO-260B, 2.2.3.2 and A.1.7.
"""

from __future__ import annotations

import math

GENERATOR = 0x1FFF409


def with_checksum(body: bytes) -> bytes:
    """11 bytes with the three that make the remainder zero."""
    remainder = int.from_bytes(body, "big") << 24
    for place in range(111, 23, -1):
        if remainder >> place & 1:
            remainder ^= GENERATOR << (place - 24)
    return body + remainder.to_bytes(3, "big")


def squitter(address: int, content: int, form: int = 17, capability: int = 5) -> bytes:
    return with_checksum(bytes([form << 3 | capability]) + address.to_bytes(3, "big") + content.to_bytes(7, "big"))


def zones(latitude_deg: float) -> int:
    """NL, by going through the table's boundaries."""
    for count in range(59, 1, -1):
        share = (1 - math.cos(math.pi / 30)) / (1 - math.cos(2 * math.pi / count))
        if abs(latitude_deg) < math.degrees(math.acos(math.sqrt(share))):
            return count
    return 1


def halves(latitude_deg: float, longitude_deg: float, odd: int, surface: bool = False) -> tuple[int, int]:
    size = 90.0 if surface else 360.0
    height = size / (60 - odd)
    north = math.floor(2**17 * ((latitude_deg % height) / height) + 0.5)
    coded_deg = height * (north / 2**17 + math.floor(latitude_deg / height))
    width = size / max(zones(coded_deg) - odd, 1)
    east = math.floor(2**17 * ((longitude_deg % width) / width) + 0.5)
    return north % 2**17, east % 2**17


def position(
    address: int, latitude_deg: float, longitude_deg: float, odd: int, *, feet: int = 30_000, code: int = 11,
    mark: int = 0, form: int = 17, capability: int = 5,
) -> bytes:  # fmt: skip
    steps = (feet + 1000) // 25
    altitude = (steps & 0x7F0) << 1 | 0x10 | steps & 0xF
    north, east = halves(latitude_deg, longitude_deg, odd)
    content = code << 51 | mark << 48 | altitude << 36 | odd << 34 | north << 17 | east
    return squitter(address, content, form, capability)


def on_ground(address: int, latitude_deg: float, longitude_deg: float, odd: int, *, knots_code: int = 39) -> bytes:
    north, east = halves(latitude_deg, longitude_deg, odd, surface=True)
    content = 7 << 51 | knots_code << 44 | 1 << 43 | 64 << 36 | odd << 34 | north << 17 | east
    return squitter(address, content)


def velocity(address: int, east_kt: int, north_kt: int, climb_ft_min: int = 0, *, nac_v: int = 2) -> bytes:
    def signed(value: int, bits: int) -> int:
        return (value < 0) << bits | abs(value) + 1

    climb = climb_ft_min // 64
    content = 19 << 51 | 1 << 48 | nac_v << 43 | signed(east_kt, 10) << 32 | signed(north_kt, 10) << 21
    content |= 1 << 20 | signed(climb, 9) << 10 | 0 << 7 | 5
    return squitter(address, content)


def identification(address: int, callsign: str, set_and_category: str = "A3") -> bytes:
    letters = "#ABCDEFGHIJKLMNOPQRSTUVWXYZ##### ###############0123456789######"
    content = ("DCBA".index(set_and_category[0]) + 1) << 51 | int(set_and_category[1]) << 48
    for place, letter in enumerate(callsign.ljust(8)):
        content |= letters.index(letter) << (42 - 6 * place)
    return squitter(address, content)


def status(address: int, *, version: int = 2, nac_p: int = 9, sil: int = 3, nic_a: int = 0, gva: int = 2) -> bytes:
    content = 31 << 51 | version << 13 | nic_a << 12 | nac_p << 8 | gva << 6 | sil << 4
    return squitter(address, content)


def beast(message: bytes, counter: int = 0, kind: bytes = b"3") -> bytes:
    body = counter.to_bytes(6, "big") + b"\x80" + message
    return b"\x1a" + kind + body.replace(b"\x1a", b"\x1a\x1a")


def avr(message: bytes) -> bytes:
    return b"*" + message.hex().upper().encode() + b";\n"
