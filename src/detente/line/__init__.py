"""The line: the recorded channel between two parties' posts, which never waits for one person. Pure."""
