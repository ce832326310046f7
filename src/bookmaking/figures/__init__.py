"""Figures of the book: one figure, one function, arrays in, a matplotlib figure out.

Every function takes the keyword ``source`` (`Run.source`: "mock survey", or "real data: <release>") and prints it in
the figure's corner, so that no figure can be taken for the sky when it is not.
"""
