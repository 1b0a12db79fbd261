"""Lessons that run for real, end for sure, and say what happened on this very interpreter."""
