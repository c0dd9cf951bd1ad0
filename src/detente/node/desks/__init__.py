"""Rooms at work in the command loop: what a desk is, and one file for each room's."""
