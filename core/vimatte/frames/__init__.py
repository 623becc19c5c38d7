"""How pictures come in: frame ranges, image sequences, movies and colour."""
