"""The terms two parties agreed, their canonical bytes and their hash. Pure."""
