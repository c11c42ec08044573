"""The process dies at any point, or an effect fails, and nothing is lost or doubled."""
