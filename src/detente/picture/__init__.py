"""Plans, notices, conflicts and measures, folded from events: decide and evolve. Pure."""
