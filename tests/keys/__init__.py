"""Proof that every key of the configuration works: change it, and the bot acts otherwise."""
