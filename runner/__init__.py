"""Programs, and the imperative shell they share."""
