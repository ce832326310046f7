"""The one exception that readers of the book are meant to see."""


class BookError(Exception):
    """Something a person can mend; the message says what is wrong, where, and what to do."""
