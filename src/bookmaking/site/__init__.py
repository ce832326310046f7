"""The site: pages, PDF, the record of the run."""
