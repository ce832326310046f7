"""Spectra as DESI has them."""
