"""Where and when: volumes, trajectories, altitudes, conflict search and resolution. Pure numerics, usable alone."""
