"""The heart: chats, runs and the one door to both. No framework, no disk, no socket."""
