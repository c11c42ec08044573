"""The outside world, one file per thing that can fail."""
