"""Comparisons of designs, measured side by side on the reader's own machine; themselves demos."""
