"""The explorer: an interactive map of the test set, without a server. `packing` makes its data, `page` its page."""
