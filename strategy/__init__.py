"""Opinions about the market. Pure; each returns Proposals and can veto nothing."""
