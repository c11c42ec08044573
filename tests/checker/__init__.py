"""A second, small implementation of the limits. Imports nothing of ours on purpose."""
