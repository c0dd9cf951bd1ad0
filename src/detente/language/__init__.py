"""The words people read, in English and French."""
