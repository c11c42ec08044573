"""Long runs: memory, storms at the venue, and real processes that are killed."""
