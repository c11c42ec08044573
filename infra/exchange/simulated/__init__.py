"""Markets that bring their own clock: a seeded synthetic one and the player of recordings."""
