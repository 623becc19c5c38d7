"""Segments, regions, state and joint alphas."""
