"""Two oracles over a seeded random world: what must never happen, and what must happen in time."""
