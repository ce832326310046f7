"""Downloads of data sets and published weights."""
