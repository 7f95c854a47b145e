"""`chatkeep chat`: a chat in the terminal, or one message and its reply."""
