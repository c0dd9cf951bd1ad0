"""Humanitarian flights and airdrops, told to recipients chosen one by one, with a receipt from each (R48). Pure."""
