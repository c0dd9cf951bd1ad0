"""The running program: command loop, outbox, clock, configuration, access, HTTP application, metrics."""
