"""Coinbase Advanced Trade, through its official SDK: the only package that imports it."""
