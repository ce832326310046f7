"""What makes a galaxy more than bulge and disc: arms, knots, bar, ring, dust lane, second nucleus, tidal tails."""

from __future__ import annotations

import galsim
import numpy as np

from astroclip_book.data.pairs import IMAGE_SIZE, PIXEL_SCALE
from mock_survey.dust import galactic_transmission

RESOLVED = 0.6  # arcsec; structure in a smaller disc would not be seen
YOUNG_TINT = 10 ** (-0.4 * np.array([-0.3, 0.0, 0.15]))  # arms are bluer than their disc
BAR_TINT = 10 ** (-0.4 * np.array([0.2, 0.0, -0.12]))  # a bar is as red as a bulge
KNOTS, KNOT_SHARE = 40, 0.3  # star-forming knots, and their share of the young light
BEHIND = 0.7  # share of an edge-on disc's light that lies behind the dust of its plane


def draw_shapes(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the structure looks like where there is any: lengths in scale lengths of the disc, strengths as its light.

    Four in five spirals have arms of one design, with pitch angles after Savchenko et al. (2020); light in bars after
    Weinzirl et al. (2009), their lengths after Erwin (2005).
    """
    n, kind = galaxies["redshift"].size, galaxies["morphology"]
    spiral = (kind == 2) & (rng.random(n) < 0.8)
    return {
        "spiral": spiral,
        "arm_number": rng.choice([2, 2, 3, 4], n),
        "arm_strength": np.where(spiral, rng.uniform(0.1, 0.38, n), np.where(kind == 3, 0.35, 0.0)),
        "pitch": np.radians(rng.uniform(8, 30, n)) * rng.choice([-1, 1], n),  # either hand
        "bar_length": rng.uniform(0.7, 1.6, n),  # half of it
        "bar_angle": rng.uniform(0, np.pi, n),
        "bar_strength": rng.beta(4, 26, n),
        "ring_radius": rng.uniform(1.0, 2.2, n),
        "ring_strength": rng.uniform(0.06, 0.15, n),
        "lane_reddening": rng.uniform(0.3, 1.0, n),  # E(B-V) of the plane
    }


def sky_plane() -> tuple[np.ndarray, np.ndarray]:
    """Arcsec to the right of and above the stamp's centre, two (152, 152) arrays."""
    half = IMAGE_SIZE // 2
    y, x = np.mgrid[-half:half, -half:half].astype(np.float32) * PIXEL_SCALE
    return x, y


def young_light(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """Logarithmic spiral arms, ring or clumps with their knots, (152, 152) of unit sum.

    The knots' luminosities follow the power law of H II regions, dN/dL ~ L^-2 over two decades (Kennicutt et al. 1989).
    """
    x, y = sky_plane()
    c, s = np.cos(galaxy["angle"]), np.sin(galaxy["angle"])
    # In the plane of the inclined disc, in its scale lengths; flattened so that the area stays, as by GalSim's shear.
    flattening, scale = np.sqrt(galaxy["axis_ratio"]), 1.678 / galaxy["disc_radius"]
    u, v = (x * c + y * s) * (flattening * scale), (y * c - x * s) * (scale / flattening)
    if galaxy["morphology"] == 3:  # an irregular's young light sits off its centre
        u = u - rng.uniform(0.2, 0.8)
    r = np.hypot(u, v)
    light = np.exp(-r) * (1 - np.exp(-((r / 0.7) ** 2)))
    if galaxy["spiral"]:
        phase = np.arctan2(v, u) - np.log(np.maximum(r, 0.05)) / np.tan(galaxy["pitch"]) + rng.uniform(0, 2 * np.pi)
        light *= np.exp(3.0 * (np.cos(galaxy["arm_number"] * phase) - 1))
    light *= galaxy["arm_strength"] / light.sum()
    if galaxy["ring"]:
        ring = np.exp(-0.5 * ((r - galaxy["ring_radius"]) / 0.2) ** 2)
        light += galaxy["ring_strength"] / ring.sum() * ring
    share = np.cumsum(light, dtype=float)
    place = np.searchsorted(share, rng.random(KNOTS) * share[-1])
    luminosity = 1 / (1 - 0.99 * rng.random(KNOTS))
    knots = np.bincount(place, luminosity / luminosity.sum(), minlength=light.size).reshape(light.shape)
    return (1 - KNOT_SHARE) / share[-1] * light + KNOT_SHARE * knots


def bar(galaxy: dict) -> galsim.GSObject:
    """A bar of the disc's plane, four times as long as wide, with the flat profile of a low Sérsic index."""
    sigma = 0.5 * galaxy["bar_length"] * galaxy["disc_radius"] / 1.678
    in_plane = galsim.Gaussian(sigma=0.5 * sigma).shear(q=0.25, beta=galaxy["bar_angle"] * galsim.radians)
    return in_plane.shear(q=galaxy["axis_ratio"], beta=galaxy["angle"] * galsim.radians)


def second_nucleus(galaxy: dict, rng: np.random.Generator) -> galsim.GSObject:
    """The companion that a galaxy merges with, within two of its radii."""
    distance, angle = rng.uniform(0.6, 2.0) * galaxy["radius"], rng.uniform(0, 2 * np.pi)
    body = galsim.Exponential(half_light_radius=rng.uniform(0.25, 0.6) * galaxy["radius"])
    body = body.shear(q=rng.uniform(0.4, 1), beta=rng.uniform(0, np.pi) * galsim.radians)
    return body.shift(distance * np.cos(angle), distance * np.sin(angle))


def tidal_tails(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """Two tails of unequal light that wind out of the galaxy, (152, 152) of unit sum."""
    x, y = sky_plane()
    r = np.hypot(x, y) / galaxy["radius"]
    start, winding = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1]) * rng.uniform(0.5, 1.2)
    along = np.arctan2(y, x) - start - winding * np.log(np.maximum(r, 0.1))
    light = np.zeros_like(r)
    for turn, weight in ((0, 1.0), (np.pi, rng.uniform(0.2, 0.8))):
        across = np.abs((along - turn + np.pi) % (2 * np.pi) - np.pi) * r / np.hypot(1, winding)
        light += weight * np.exp(-0.5 * (across / 0.35) ** 2 - r / 1.5)
    light *= 1 / (1 + np.exp(-8 * (r - 1)))
    return light / light.sum()


def dust_lane(light: np.ndarray, galaxy: dict) -> tuple[np.ndarray, np.ndarray]:
    """Light (152, 152) in reach of the dust in the plane of an edge-on disc, and the share (3,) lost of it in g, r, z.

    ``light`` (152, 152) is the galaxy's before, of unit sum over all the sky.
    """
    x, y = sky_plane()
    height = y * np.cos(galaxy["angle"]) - x * np.sin(galaxy["angle"])
    thickness = 0.25 * galaxy["disc_radius"] * np.sqrt(galaxy["axis_ratio"])
    lane = np.exp(-0.5 * (height / max(thickness, 0.5 * PIXEL_SCALE)) ** 2)
    lost = BEHIND * (1 - galactic_transmission(galaxy["lane_reddening"]))
    return np.maximum(light, 0) * lane, lost
