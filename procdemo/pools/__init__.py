"""Pools, queues and batches that account for every item."""
