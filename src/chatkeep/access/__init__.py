"""Who may do what: keys, sessions, tokens, and the one decision."""
