"""AstroCLIP as a book: mock survey, encoders, alignment, evaluation and analysis behind the notebooks."""
