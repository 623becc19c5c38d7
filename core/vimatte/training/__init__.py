"""How the packaged weights are made."""
