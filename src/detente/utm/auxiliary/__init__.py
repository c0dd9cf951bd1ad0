"""The auxiliary interface that operators of a pool use: heartbeats of instances. Pure."""
