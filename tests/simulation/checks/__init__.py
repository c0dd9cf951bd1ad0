"""What must hold of every run, whatever befalls it: a file for each promise, with the reason."""
