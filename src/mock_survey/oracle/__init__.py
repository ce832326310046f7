"""The best that anybody could predict from the mock, given its truth and its noise."""
