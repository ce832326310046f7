"""The structure of an embedding space: maps, groups, what does not belong."""
