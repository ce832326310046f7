"""Searches, predictions and scores of an embedding space."""
