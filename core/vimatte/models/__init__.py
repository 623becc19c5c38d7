"""Matting networks, their table, and the weights store."""
