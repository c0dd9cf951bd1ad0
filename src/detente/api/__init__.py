"""HTTP: routes by room, what they take and give, signing in, start and stop with it, and the client of the commands."""
