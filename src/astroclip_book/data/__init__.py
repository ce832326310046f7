"""Galaxies in memory: pairs, catalogue, and what networks see of images."""
