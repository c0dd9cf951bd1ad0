"""What is really in the air, against what was said: tracks, conformance, alerts. Pure: no I/O, no clock."""
