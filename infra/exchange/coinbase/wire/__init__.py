"""Coinbase's JSON to our types and back: pure, one file per noun.

Fields that we do not know are ignored, words that we do not know stop the one thing
they speak of, numbers that are missing or empty are None and never zero. Nothing here
asks for anything.
"""
