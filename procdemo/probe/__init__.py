"""What the kernel and the interpreter say of any process: stacks, and who waits for whom."""
