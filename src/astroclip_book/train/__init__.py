"""Trainings of encoders and heads, and the frozen features between them."""
