"""What holds for every test."""

from hypothesis import settings

# A loaded machine is slow, and no test here is about time.
settings.register_profile("detente", deadline=None)
settings.load_profile("detente")
