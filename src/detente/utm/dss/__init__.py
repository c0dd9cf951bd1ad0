"""ASTM F3548-21: operational intents, constraints, subscriptions, availability: decide and evolve. Pure."""
