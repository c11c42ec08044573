"""The report of a backtest: what the cycles left behind, as figures, files and a page to read.

Reads what decide() and the venue said, cycle after cycle; decides nothing itself.
"""
