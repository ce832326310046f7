"""The explorer: an interactive map of the test set that needs no server. `packing` and `search` make its data, `page` its page."""
