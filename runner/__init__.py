"""Programs, and the imperative shell they share."""

VERSION = "0.1.0"
