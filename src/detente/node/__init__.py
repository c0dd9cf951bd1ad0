"""The running program: command loop, pipeline, outbox, peers, clocks, snapshots, metrics."""
