"""Coinbase's wire, its transport and what we make of both."""
