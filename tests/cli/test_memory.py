"""Memory that is free goes back to the system, whatever came and went before."""

import os
import subprocess
import sys

import pytest

HELD_AFTER = """
import os
from detente.cli.memory import give_back_large_pieces
give_back_large_pieces()
def held():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
bytearray(24 * 2**20)  # once freed, glibc would keep pieces as large as this
before = held()
pieces = [bytearray(2**20) for _ in range(64)]
for piece in pieces:
    piece[:] = b"x" * len(piece)
last = pieces.pop()
del pieces, piece
print(held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux" or not os.confstr("CS_GNU_LIBC_VERSION"), reason="glibc has mallopt")
def test_large_pieces_are_given_back_though_one_behind_them_is_kept():
    run = subprocess.run([sys.executable, "-c", HELD_AFTER], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 16 * 2**20
