"""The store: what makes what, what is up to date, and what a result was made with."""
