"""Galaxies in cut-outs: bulge, disc, arms, knots, bar, ring, dust lane, second nucleus, tidal tails; and the whole stamp.

Components are transforms and their fluxes in g, r, z, which add up to the catalogue's in every band: profiles are added
in Fourier space, and there is one inverse transform for each band.
"""

import galsim
import numpy as np
from scipy.special import gammainc

from astroclip_book.data.pairs import IMAGE_SIZE, PIXEL_SCALE
from mock_survey.images import camera
from mock_survey.images.camera import develop, fourier, galactic_transmission, paint, pixel_response
from mock_survey.images.field import counts_table, field_image, field_objects
from mock_survey.structure import HALF_LIGHT

RESOLVED = 0.6  # arcsec; structure in a smaller disc would not be seen
YOUNG_TINT = 10 ** (-0.4 * np.array([-0.3, 0.0, 0.15]))  # arms are bluer than their disc
BAR_TINT = 10 ** (-0.4 * np.array([0.2, 0.0, -0.12]))  # a bar is as red as a bulge
KNOTS, KNOT_SHARE = 40, 0.3  # star-forming knots, and their share of the young light
BEHIND = 0.7  # share of an edge-on disc's light that lies behind the dust of its plane

# Arcsec above and to the right of the stamp's centre.
Y, X = (np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] - IMAGE_SIZE // 2).astype(np.float32) * PIXEL_SCALE

Components = list[tuple[np.ndarray, np.ndarray]]  # transform and fluxes (3,)


def image_truth(galaxies: dict[str, np.ndarray], depth: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What decides an image beyond the population: structure, seeing, depth, reddening, number of neighbours."""
    n, kind = galaxies["redshift"].size, galaxies["morphology"]
    ebv = camera.draw_reddening(n, rng)
    spiral = (kind == 2) & (rng.random(n) < 0.8)  # four in five have arms of one design
    # Lengths in scale lengths of the disc, strengths as its light. Pitch angles after Savchenko et al. (2020), light in bars
    # after Weinzirl et al. (2009), their lengths after Erwin (2005).
    drawn = {
        "ebv": ebv,
        "galactic_transmission": galactic_transmission(ebv),
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
    return drawn | camera.conditions(n, depth, rng) | {"n_neighbours": rng.poisson(counts_table()[1][-1], n)}


def galaxy_components(galaxy: dict, size: int, rng: np.random.Generator) -> Components:
    """The galaxy as components on a square grid of ``size``."""
    flux = 10 ** (0.4 * (22.5 - galaxy["magnitudes"]))
    bulge = galaxy["bulge_share"]
    resolved = galaxy["disc_radius"] > RESOLVED
    young = (galaxy["arm_strength"] + galaxy["ring"] * galaxy["ring_strength"]) * resolved * YOUNG_TINT
    barred = galaxy["bar"] * galaxy["bar_strength"] * resolved * BAR_TINT
    angle = galaxy["angle"] * galsim.radians
    disc = galsim.Exponential(half_light_radius=galaxy["disc_radius"]).shear(q=galaxy["axis_ratio"], beta=angle)
    # A bulge in a disc is rounder than the disc; an elliptical is one body.
    thickness = galaxy["axis_ratio"] if galaxy["morphology"] == 0 else 0.5 * (1 + galaxy["axis_ratio"])
    spheroid = galsim.DeVaucouleurs(half_light_radius=galaxy["bulge_radius"]).shear(q=thickness, beta=angle)
    shares = [(fourier(spheroid, size), bulge), (fourier(disc, size), (1 - bulge) * (1 - young - barred))]
    if young.any():
        # What of an exponential disc lies in the stamp, to which the painted light is confined.
        inside = gammainc(2, HALF_LIGHT * IMAGE_SIZE / 2 * PIXEL_SCALE / galaxy["disc_radius"])
        shares.append((paint(young_light(galaxy, rng), size), (1 - bulge) * young * inside))
    if barred.any():
        # In the disc's plane, four times as long as wide, with the flat profile of a low Sérsic index.
        bar = galsim.Gaussian(sigma=0.25 * galaxy["bar_length"] * galaxy["disc_radius"] / HALF_LIGHT)
        bar = bar.shear(q=0.25, beta=galaxy["bar_angle"] * galsim.radians).shear(q=galaxy["axis_ratio"], beta=angle)
        shares.append((fourier(bar, size), (1 - bulge) * barred))
    if galaxy["merger"]:  # part of the light belongs to a second nucleus and to tidal tails
        ratio, tails = rng.uniform(0.15, 0.7), rng.uniform(0.08, 0.2)
        companion = (1 - tails) * ratio / (1 + ratio)
        shares = [(transform, share * (1 - tails - companion)) for transform, share in shares]
        shares.append((fourier(second_nucleus(galaxy, rng), size), np.full(3, companion)))
        shares.append((paint(tidal_tails(galaxy, rng), size), np.full(3, tails)))
    if galaxy["dust_lane"] and resolved:
        shares = obscure(shares, galaxy)
    return [(transform, flux * share) for transform, share in shares]


def young_light(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """Logarithmic spiral arms, ring or clumps with their knots, (152, 152) of unit sum."""
    c, s = np.cos(galaxy["angle"]), np.sin(galaxy["angle"])
    # In the plane of the inclined disc, in its scale lengths; flattened so that the area stays, as by GalSim's shear.
    flattening, scale = np.sqrt(galaxy["axis_ratio"]), HALF_LIGHT / galaxy["disc_radius"]
    u, v = (X * c + Y * s) * (flattening * scale), (Y * c - X * s) * (scale / flattening)
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
    # The knots' luminosities follow the power law of H II regions, dN/dL ~ L^-2 over two decades (Kennicutt et al. 1989).
    share = np.cumsum(light, dtype=float)
    place = np.searchsorted(share, rng.random(KNOTS) * share[-1])
    luminosity = 1 / (1 - 0.99 * rng.random(KNOTS))
    knots = np.bincount(place, luminosity / luminosity.sum(), minlength=light.size).reshape(light.shape)
    return (1 - KNOT_SHARE) / share[-1] * light + KNOT_SHARE * knots


def second_nucleus(galaxy: dict, rng: np.random.Generator) -> galsim.GSObject:
    """The companion that a galaxy merges with, within two of its radii."""
    distance, angle = rng.uniform(0.6, 2.0) * galaxy["radius"], rng.uniform(0, 2 * np.pi)
    body = galsim.Exponential(half_light_radius=rng.uniform(0.25, 0.6) * galaxy["radius"])
    body = body.shear(q=rng.uniform(0.4, 1), beta=rng.uniform(0, np.pi) * galsim.radians)
    return body.shift(distance * np.cos(angle), distance * np.sin(angle))


def tidal_tails(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """Two tails of unequal light that wind out of the galaxy, (152, 152) of unit sum."""
    r = np.hypot(X, Y) / galaxy["radius"]
    start, winding = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1]) * rng.uniform(0.5, 1.2)
    along = np.arctan2(Y, X) - start - winding * np.log(np.maximum(r, 0.1))
    light = np.zeros_like(r)
    for turn, weight in ((0, 1.0), (np.pi, rng.uniform(0.2, 0.8))):
        across = np.abs((along - turn + np.pi) % (2 * np.pi) - np.pi) * r / np.hypot(1, winding)
        light += weight * np.exp(-0.5 * (across / 0.35) ** 2 - r / 1.5)
    light *= 1 / (1 + np.exp(-8 * (r - 1)))
    return light / light.sum()


def obscure(shares: Components, galaxy: dict) -> Components:
    """Darken the plane of an edge-on disc by its dust, and brighten the rest: the magnitudes are those observed."""
    size = len(shares[0][0])
    light = sum(np.float32(share[1]) * transform for transform, share in shares) * pixel_response(size)
    height = Y * np.cos(galaxy["angle"]) - X * np.sin(galaxy["angle"])
    thickness = 0.25 * galaxy["disc_radius"] * np.sqrt(galaxy["axis_ratio"])
    lane = np.exp(-0.5 * (height / max(thickness, 0.5 * PIXEL_SCALE)) ** 2)
    lane = np.maximum(develop(light, IMAGE_SIZE), 0) * lane  # light in reach of the dust
    lost = BEHIND * (1 - galactic_transmission(galaxy["lane_reddening"]))
    kept = 1 - lost * lane.sum()
    return [(transform, share / kept) for transform, share in shares] + [(paint(lane, size), -lost / kept)]


def photograph(components: Components, psf_sigma: np.ndarray) -> np.ndarray:
    """Noiseless image (152, 152, 3) of components, seen through the atmosphere (psf_sigma (3,) in pixels)."""
    size = len(components[0][0])
    scene = sum(np.float32(flux)[:, None, None] * transform for transform, flux in components)
    return develop(scene * camera.blur(psf_sigma, size), IMAGE_SIZE).transpose(1, 2, 0)


def galaxy_image(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """The galaxy alone, without neighbours, Galactic dust or noise: (152, 152, 3) float32, nanomaggies."""
    # Side of the Fourier grid: room for the wings, but no more than a compact galaxy needs.
    size = 192 if galaxy["radius"] < 3.5 else 256 if galaxy["radius"] < 6 else 512
    return photograph(galaxy_components(galaxy, size, rng), galaxy["psf_sigma"])


def draw_image(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """One cut-out as the survey sees it, (152, 152, 3) float32 in nanomaggies; ``galaxy`` holds one of `survey.truth`."""
    image = galaxy_image(galaxy, rng) + field_image(field_objects(galaxy["n_neighbours"], rng), galaxy["psf_sigma"])
    return camera.expose(image * galaxy["galactic_transmission"].astype(np.float32), galaxy["sky_noise"], rng)
