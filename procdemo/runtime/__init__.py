"""Run a demo in a process group of its own, and end all its processes."""
