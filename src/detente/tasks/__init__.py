"""What goes on beside the command loop: private-match runs, settlement without people, the node's side of the watch."""
