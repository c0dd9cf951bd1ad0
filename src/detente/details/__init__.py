"""Details that a notice commits to and that are opened later (R39). Pure."""
