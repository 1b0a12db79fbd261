"""Building blocks of the servers: listener, workers, limits, access log."""
