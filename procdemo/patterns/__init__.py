"""The patterns of the notes: one module each, read from top to bottom."""
