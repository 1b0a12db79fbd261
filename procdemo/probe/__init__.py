"""What the kernel and the interpreter say about a process: its stacks, and what it waits for."""
