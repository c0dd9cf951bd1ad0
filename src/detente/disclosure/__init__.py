"""What may leave: how much of a plan a peer is told, and the ledger of what it was told. Pure."""
