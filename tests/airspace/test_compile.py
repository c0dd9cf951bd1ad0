"""Machine code that was kept before a kernel changed is forgotten."""

from __future__ import annotations

import os

from detente.airspace.compile import forget_stale_code


def test_code_older_than_the_newest_kernel_is_forgotten(tmp_path):
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    ages = {
        "inner_kernels.py": 20, "outer_kernels.py": 10, "other.py": 90,
        "__pycache__/outer_kernels.run-1.py311.nbi": 19, "__pycache__/outer_kernels.run-1.py311.1.nbc": 19,
        "__pycache__/inner_kernels.run-1.py311.nbi": 21, "__pycache__/outer_kernels.cpython-311.pyc": 5,
    }  # fmt: skip
    for name, second in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (second, second))
    assert forget_stale_code(tmp_path) == 2
    assert sorted(path.name for path in cache.iterdir()) == [
        "inner_kernels.run-1.py311.nbi",
        "outer_kernels.cpython-311.pyc",
    ]


def test_nothing_kept_is_nothing_to_forget(tmp_path):
    assert forget_stale_code(tmp_path) == 0
