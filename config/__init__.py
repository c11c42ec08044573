"""Text in, typed Settings and Policy out. All mistakes are reported at once."""
