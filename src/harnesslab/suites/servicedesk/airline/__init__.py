"""The airline desk."""
