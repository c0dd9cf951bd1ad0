"""What each side says it saw, asks, states and complains of, with deadlines: decide and evolve. Pure."""
