"""What a demo is written with: settings, events, states, printable text."""
