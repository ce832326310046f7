"""Other people's files, read into what the encoders take."""
