"""The rules of the rules strategy: each says one thing about one product, or lets it pass."""
