"""Pairs in other formats, written in the layout of the AstroCLIP release."""
