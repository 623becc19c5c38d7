"""Where coarse instance masks come from."""
