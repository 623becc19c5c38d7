"""Hand a shot to a render farm: Open Job Description bundles, run here or on a Slurm cluster."""
