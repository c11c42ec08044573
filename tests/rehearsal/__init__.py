"""The rehearsal that the README describes, done by a program, and what came of it counted."""
