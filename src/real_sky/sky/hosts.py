"""The selection behind the stored colours of bright galaxies: hosts of supernovae, and their neighbours by chance.

They are the DESI bright targets (Legacy Surveys DR8) that lie near 10,827 candidate hosts of supernovae and other
transients, up to three for each: desihub/timedomain, ``snsurvey/sn_target_dr8.ipynb``. Such galaxies are nearer and form
more stars than others of their magnitude.
"""

from __future__ import annotations

import numpy as np

# Supernovae Ia a year for each solar mass of stars, and for each solar mass of stars formed a year: the law of Scannapieco
# & Bildsten (2005) with the values of Sullivan et al. (2006).
PER_MASS, PER_STARS = 5.3e-14, 3.9e-4
# Two constants fitted to the number of the file's galaxies in bins of r over `LIMITS`; its colours played no part.
REACH = 0.08  # redshift up to which supernovae were found
CHANCE = 0.14  # share of the galaxies that are no hosts
LIMITS = (15.0, 19.5)  # r


def host_weight(r: np.ndarray, redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> np.ndarray:
    """Chance of each galaxy of a magnitude-limited sample to be in such a file, (n,) of unit sum.

    Parameters
    ----------
    r : (n,) array
        Apparent magnitude as observed; beyond `LIMITS` the chance is 0.
    redshift : (n,) array
    catalog : dict of (n,) arrays
        With ``LOG_MSTAR`` and ``LOG_SFR``; where they are unknown, the chance is 0.
    """
    unknown = np.full(len(redshift), np.nan)
    mass, stars = (10 ** np.asarray(catalog.get(name, unknown), float) for name in ("LOG_MSTAR", "LOG_SFR"))
    found = (PER_MASS * mass + PER_STARS * stars) * np.exp(-((redshift / REACH) ** 2))
    inside = (r > LIMITS[0]) & (r < LIMITS[1]) & np.isfinite(found)
    if not inside.any():
        return np.zeros(len(redshift))
    return np.where(inside, (1 - CHANCE) * found / found[inside].sum() + CHANCE / inside.sum(), 0.0)
