"""The explorer: an interactive map of the test set, without a server.

`packing` makes its data of `columns`, `pixels`, `search` and `figure`; `page` makes its page.
"""
