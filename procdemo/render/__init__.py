"""Output forms: each takes events, one at a time, and knows no pattern."""
