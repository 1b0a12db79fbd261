"""Lessons: short scripts that run for real under a watchdog, and a verdict on each for this interpreter."""
