"""Archives of other programs, and our own: read piece by piece into chats, and what no chat can hold is told."""
