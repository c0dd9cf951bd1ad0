"""Private matching: two parties learn which of their own plans conflict with the other's, and nothing on the rest."""
