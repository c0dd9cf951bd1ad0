"""The running service: command loop, snapshots, HTTP application."""
