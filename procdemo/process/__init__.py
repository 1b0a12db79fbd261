"""What several packages share: loops, pipes, child processes, exits, /proc, the guardian, measures."""
