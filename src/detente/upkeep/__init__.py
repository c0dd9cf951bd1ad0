"""The node in one file, made anew from it, and its closed segments in an archive, what the release before wrote."""
