"""What all rooms share: the protocol of a room, messages between parties and their channels. Pure."""
