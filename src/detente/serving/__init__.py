"""HTTP/1.1 with strangers: connections, what may come over them, and their limits. Both servers stand on it."""
