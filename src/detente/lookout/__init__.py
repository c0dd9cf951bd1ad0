"""The watch's own process: feeds in, tracks and alerts out to the node, reports kept by the hour."""
