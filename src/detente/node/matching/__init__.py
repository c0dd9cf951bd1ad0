"""Private matching between two running nodes: a run on its way, its bulk, its files and its pace."""
