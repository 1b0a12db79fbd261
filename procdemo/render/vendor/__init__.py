"""What others wrote, as they wrote it; scripts/vendor.py says whence."""
