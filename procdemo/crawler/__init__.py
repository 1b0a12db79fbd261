"""Fetch pages within limits, follow their links, account for every page."""
