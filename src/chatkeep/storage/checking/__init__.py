"""The check of a data folder: what is wrong with its files, and how they are repaired without deleting anything."""
