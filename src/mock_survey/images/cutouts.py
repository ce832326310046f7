"""Legacy-Survey-like cut-outs: profiles added in Fourier space, one inverse transform per band."""

from __future__ import annotations

import galsim
import numpy as np

from astroclip_book.data.pairs import IMAGE_SIZE
from mock_survey.dust import draw_reddening, galactic_transmission
from mock_survey.images import camera, substructure
from mock_survey.images.camera import develop, fourier, paint, pixel_response
from mock_survey.images.field import counts_table, field_image, field_objects

Components = list[tuple[np.ndarray, np.ndarray]]  # transform and fluxes (3,)


def image_truth(galaxies: dict[str, np.ndarray], depth: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What decides an image beyond the population: structure, seeing, depth, reddening, number of neighbours."""
    n = galaxies["redshift"].size
    ebv = draw_reddening(n, rng)
    drawn = substructure.draw_shapes(galaxies, rng) | camera.conditions(n, depth, rng)
    dust = {"ebv": ebv, "galactic_transmission": galactic_transmission(ebv)}
    return drawn | dust | {"n_neighbours": rng.poisson(counts_table()[1][-1], n)}


def galaxy_components(galaxy: dict, size: int, rng: np.random.Generator) -> Components:
    """The galaxy as transforms and fluxes, which add up to the catalogue's in every band."""
    flux = 10 ** (0.4 * (22.5 - galaxy["magnitudes"]))
    bulge = galaxy["bulge_share"]
    resolved = galaxy["disc_radius"] > substructure.RESOLVED
    young = (galaxy["arm_strength"] + galaxy["ring"] * galaxy["ring_strength"]) * resolved * substructure.YOUNG_TINT
    bar = galaxy["bar"] * galaxy["bar_strength"] * resolved * substructure.BAR_TINT
    angle = galaxy["angle"] * galsim.radians
    disc = galsim.Exponential(half_light_radius=galaxy["disc_radius"]).shear(q=galaxy["axis_ratio"], beta=angle)
    # A bulge in a disc is rounder than the disc; an elliptical is one body.
    thickness = galaxy["axis_ratio"] if galaxy["morphology"] == 0 else 0.5 * (1 + galaxy["axis_ratio"])
    spheroid = galsim.DeVaucouleurs(half_light_radius=galaxy["bulge_radius"]).shear(q=thickness, beta=angle)
    shares = [(fourier(spheroid, size), bulge), (fourier(disc, size), (1 - bulge) * (1 - young - bar))]
    if young.any():
        shares.append((paint(substructure.young_light(galaxy, rng), size), (1 - bulge) * young))
    if bar.any():
        shares.append((fourier(substructure.bar(galaxy), size), (1 - bulge) * bar))
    if galaxy["merger"]:
        shares = merge(shares, galaxy, rng)
    if galaxy["dust_lane"] and resolved:
        shares = obscure(shares, galaxy)
    return [(transform, flux * share) for transform, share in shares]


def merge(shares: Components, galaxy: dict, rng: np.random.Generator) -> Components:
    """Give part of the light to a second nucleus and to tidal tails."""
    size = len(shares[0][0])
    ratio, tails = rng.uniform(0.15, 0.7), rng.uniform(0.08, 0.2)
    companion = (1 - tails) * ratio / (1 + ratio)
    return [(transform, share * (1 - tails - companion)) for transform, share in shares] + [
        (fourier(substructure.second_nucleus(galaxy, rng), size), np.full(3, companion)),
        (paint(substructure.tidal_tails(galaxy, rng), size), np.full(3, tails)),
    ]


def obscure(shares: Components, galaxy: dict) -> Components:
    """Darken the plane, and brighten the rest so that each band keeps its flux: the magnitudes are those observed."""
    size = len(shares[0][0])
    light = sum(np.float32(share[1]) * transform for transform, share in shares) * pixel_response(size)
    lane, lost = substructure.dust_lane(develop(light, IMAGE_SIZE), galaxy)
    kept = 1 - lost * lane.sum()
    return [(transform, share / kept) for transform, share in shares] + [(paint(lane, size), -lost / kept)]


def photograph(components: Components, psf_sigma: np.ndarray) -> np.ndarray:
    """Noiseless image (152, 152, 3) of components, seen through the atmosphere (psf_sigma (3,) in pixels)."""
    size = len(components[0][0])
    scene = np.zeros((3, size, size // 2 + 1), np.complex64)
    for transform, flux in components:
        for band in range(3):
            scene[band] += np.float32(flux[band]) * transform
    for band in range(3):
        scene[band] *= fourier(camera.psf(psf_sigma[band]), size) * pixel_response(size)
    return develop(scene, IMAGE_SIZE).transpose(1, 2, 0)


def galaxy_image(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """The galaxy alone, without neighbours, Galactic dust or noise: (152, 152, 3) float32, nanomaggies."""
    # Side of the Fourier grid: room for the wings, but no more than a compact galaxy needs.
    size = 192 if galaxy["radius"] < 2.5 else 256 if galaxy["radius"] < 6 else 512
    return photograph(galaxy_components(galaxy, size, rng), galaxy["psf_sigma"])


def draw_image(galaxy: dict, rng: np.random.Generator) -> np.ndarray:
    """One cut-out as the survey sees it, (152, 152, 3) float32 in nanomaggies; ``galaxy`` holds one of `survey.truth`."""
    image = galaxy_image(galaxy, rng) + field_image(field_objects(galaxy["n_neighbours"], rng), galaxy["psf_sigma"])
    return camera.expose(image * galaxy["galactic_transmission"].astype(np.float32), galaxy["sky_noise"], rng)
