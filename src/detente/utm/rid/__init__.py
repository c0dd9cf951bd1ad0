"""ASTM F3411-22a and F3411-19: identification service areas and their subscriptions, one table behind both. Pure."""
