"""Image defects with labels, as the real survey has them; the spectrum of such a galaxy is unharmed."""

import numpy as np

from astroclip_book.data.pairs import IMAGE_SIZE

# Nanomaggies in a pixel where DECam saturates: 120,000 electrons at some 45 a second for a nanomaggie, in two minutes.
SATURATED = 20.0
Y, X = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE].astype(np.float32) - IMAGE_SIZE / 2  # pixels from the centre


def satellite_trail(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A straight streak across one exposure, so in one band; every third is an aircraft's, with flashes by its side."""
    angle, width = rng.uniform(0, np.pi), rng.uniform(1.0, 2.2)
    across = X * np.sin(angle) - Y * np.cos(angle) - rng.uniform(-50, 50)
    light = np.exp(-0.5 * (across / width) ** 2)
    if rng.random() < 1 / 3:
        along = X * np.cos(angle) + Y * np.sin(angle)
        flash = np.sin(2 * np.pi * (along / rng.uniform(20, 60) + rng.random()))
        light += 2 / (1 + np.exp(-8 * (flash - 0.6))) * np.exp(-0.5 * ((across - rng.uniform(8, 16)) / width) ** 2)
    image[..., rng.integers(3)] += 10 ** rng.uniform(-1.8, -0.5) * light
    return image


def saturated_bleed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A saturated star inside the stamp: a flat core, and charge spilt along DECam's columns, which are an image's rows."""
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(15, 70)
    cx, cy = distance * np.cos(angle), distance * np.sin(angle)
    flux, colour = 10 ** (0.4 * (22.5 - rng.uniform(11, 15.5))), _star_colour(rng)
    r = np.hypot(X - cx, Y - cy)
    profile = (1 + (r / 4.5) ** 2) ** -2.8 / 36 + 2e-5 * (1 + r / 4) ** -2
    image += np.minimum(flux * profile, SATURATED)[..., None] * colour
    for band in range(3):
        length, width = 3 * np.sqrt(flux * colour[band] / 400) * rng.uniform(0.7, 1.5), rng.uniform(0.5, 1.5)
        spilt = (np.abs(Y - cy) < width) & (np.abs(X - cx) < length)
        # How much of it is left depends on how many of the exposures were masked there.
        image[..., band][spilt] += SATURATED * rng.uniform(0.05, 1)
    return image


def bright_star(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Glare of a star beyond the border: halo, diffraction spikes of the four-vaned Blanco telescope, perhaps a ghost."""
    angle = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(82, 115) / max(abs(np.cos(angle)), abs(np.sin(angle)))
    x, y = X - distance * np.cos(angle), Y - distance * np.sin(angle)
    r = np.hypot(x, y)
    light = (1 + r / 4) ** -2.0
    tilt = np.pi / 4 + rng.normal(0, 0.03)
    for direction in (tilt, tilt + np.pi / 2):
        across = x * np.sin(direction) - y * np.cos(direction)
        light += np.exp(-0.5 * (across / 1.5) ** 2) * 0.05 / (1 + r / 10) ** 1.5
    if rng.random() < 0.5:  # light reflected twice: an image of the pupil, with the hole of the camera
        ghost = np.hypot(x - rng.uniform(-60, 60), y - rng.uniform(-60, 60)) / rng.uniform(50, 90)
        light += 0.0007 / (1 + np.exp(40 * (ghost - 1))) / (1 + np.exp(40 * (0.4 - ghost)))
    image += 10 ** rng.uniform(0.7, 1.7) * light[..., None] * _star_colour(rng)
    return image


def _star_colour(rng: np.random.Generator) -> np.ndarray:
    """Flux in g, r, z relative to r, from F to early M stars."""
    g_r = rng.uniform(0.3, 1.4)
    return 10 ** (-0.4 * np.array([g_r, 0, -0.5 * g_r]))


def missing_band(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One band was never observed: zeros."""
    image[..., rng.integers(3)] = 0
    return image


def chip_edge(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The detector ends inside the stamp, along rows or columns to a degree: zeros beyond, in all bands or in one."""
    angle = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.015)
    beyond = X * np.cos(angle) + Y * np.sin(angle) > rng.uniform(6, 61)
    for band in [0, 1, 2] if rng.random() < 0.5 else [rng.integers(3)]:
        image[..., band][beyond] = 0
    return image


def cosmic_ray(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Tracks of charged particles that escaped rejection: sharper than any star, in one band."""
    band = rng.integers(3)
    for _ in range(rng.integers(1, 6)):
        angle, length = rng.uniform(0, np.pi), rng.lognormal(np.log(6), 0.8)
        cx, cy = rng.uniform(-70, 70, 2)
        along = (X - cx) * np.cos(angle) + (Y - cy) * np.sin(angle)
        across = (X - cx) * np.sin(angle) - (Y - cy) * np.cos(angle)
        distance = np.hypot(across, np.maximum(np.abs(along) - length / 2, 0))
        image[..., band] += 10 ** rng.uniform(-1, 0.5) * np.exp(-0.5 * (distance / 0.5) ** 2)
    return image


_KINDS = (satellite_trail, saturated_bleed, bright_star, missing_band, chip_edge, cosmic_ray)
ARTEFACTS = {function.__name__: function for function in _KINDS}
NAMES = ("none", *ARTEFACTS)


def draw_artefacts(n: int, fraction: float, kinds: list[str], rng: np.random.Generator) -> np.ndarray:
    """Position in `NAMES` for each of ``n`` images: ``fraction`` of them have a defect of one of the ``kinds``."""
    return np.where(rng.random(n) < fraction, rng.choice([NAMES.index(kind) for kind in kinds], n), 0)
