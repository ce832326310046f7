"""Statistics of real observations, and how far a survey is from them."""
