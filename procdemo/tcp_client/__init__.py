"""Clients of an upper-case server: one, or a load of many."""
