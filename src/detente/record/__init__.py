"""Entries, the hash chain, signed heads, the SQLite journal and its verification."""
