"""A second mock survey, written as files of real surveys are."""
