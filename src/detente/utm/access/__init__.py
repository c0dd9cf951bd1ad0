"""Who may ask: bearer tokens, the keys that sign them, scopes."""
