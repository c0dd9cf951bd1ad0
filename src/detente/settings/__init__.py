"""What a node's directory says of it: settings, addresses, where it lives, its log, the boundaries on its map."""
