"""The watch at work: a process of its own beside the node, what both say to each other, and what is kept of it."""
