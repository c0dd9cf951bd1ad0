"""What holds for every test."""

import os

from hypothesis import settings

# A loaded machine is slow, and no test here is about time. The same commit gives the same answer everywhere;
# DETENTE_RANDOM=1 draws other examples each time, which is how new faults are found.
settings.register_profile("detente", deadline=None, derandomize="DETENTE_RANDOM" not in os.environ)
settings.load_profile("detente")
