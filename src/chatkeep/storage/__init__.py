"""The data folder: chats as JSON files, their index, and the journals of runs."""
