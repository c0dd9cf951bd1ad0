"""Pictures people look at: the map, altitude over time, the report."""
