"""Live feeds: bytes from receivers, radars and other programs as sightings, with the health of each feed."""
