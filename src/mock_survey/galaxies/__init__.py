"""The population: redshifts, masses, spectral energy distributions, shapes."""
