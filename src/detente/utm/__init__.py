"""The civil standards: a Discovery and Synchronization Service for ASTM F3548-21 and F3411, on the journal."""
