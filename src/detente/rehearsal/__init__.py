"""Whole nodes as real processes, driven as a duty officer would: the demo and the rehearsals."""
