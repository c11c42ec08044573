"""Venues served over a real venue's own wire, for rehearsals and for judging our clients."""
