"""How the Legacy Surveys see: seeing, depth and reddening over the footprint, as Stein et al. (2022) fitted them.

Both the mock survey, which draws each object's conditions, and the augmentations, which worsen them, start from these.
Stein et al. 2022, https://doi.org/10.3847/1538-4357/ac6d63.
"""

# Log-normal laws (shape, location, scale) in g, r, z. Sky noise is in nanomaggies per pixel, were pixels independent.
PSF_SIGMA = ((0.2110, 1.0807, 1.3153), (0.3008, 1.2394, 0.9165), (0.3471, 1.1928, 0.8234))  # pixels of 0.262 arcsec
SKY_NOISE = ((0.2265, -0.00067, 0.00376), (0.2431, -0.00237, 0.00674), (0.1335, -0.01434, 0.02608))
REDDENING = (0.67306, 0.001146, 0.03338)  # E(B-V)
MAX_REDDENING = 1.0

TRANSMISSION = (-1.2856, -0.866, -0.4844)  # log10 of the share of light that arrives in g, r, z, per magnitude of E(B-V)
