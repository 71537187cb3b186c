"""The retail desk: a shop for the home."""
