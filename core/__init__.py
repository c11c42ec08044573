"""The decision, and nothing but the decision: pure, typed, no I/O. Start at decide.py."""
