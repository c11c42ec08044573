"""A simulated Coinbase on 127.0.0.1: its paths, its answers, its habits, its refusals."""
