"""What holds for every test."""

import gc
import os
import sys

import pytest
from hypothesis import settings

import forked

# Compiling every module anew takes most of the time of a process that a test starts.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A loaded machine is slow, and no test here is about time. The same commit gives the same answer everywhere;
# DETENTE_RANDOM=1 draws other examples each time, which is how new faults are found. The quick suite draws fewer
# examples of a property; `make test-whole` draws all with `--hypothesis-profile full`.
settings.register_profile("full", deadline=None, derandomize="DETENTE_RANDOM" not in os.environ)
settings.register_profile("quick", settings.get_profile("full"), max_examples=40)
settings.load_profile("quick")


def pytest_configure(config: pytest.Config) -> None:
    """Where several workers run tests, start the server that forks nodes and commands once for all of them."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        os.environ[forked.SHARED_SERVER] = forked.server()


def pytest_collection_finish() -> None:
    """What is imported by now stays: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()
