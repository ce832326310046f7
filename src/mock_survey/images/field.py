"""What else is in a cut-out: galaxies and stars of the field, by their numbers on the sky."""

import functools

import numpy as np

from astroclip_book.data.pairs import IMAGE_SIZE, PIXEL_SCALE
from mock_survey.images.camera import blur, develop, frequencies
from mock_survey.structure import HALF_LIGHT

SIDE = IMAGE_SIZE * PIXEL_SCALE  # arcsec
FAINT = 24.0  # r magnitude; fainter ones drown in the noise
SATURATION = 16.0  # r magnitude; a brighter star saturates DECam and makes an artefact, which has a label


def galaxy_counts(r: np.ndarray) -> np.ndarray:
    """Galaxies per square degree and magnitude at magnitude ``r``, flattening as in Capak et al. (2004)."""
    # 92 are brighter than r = 17.77 (Strauss et al. 2002), 864 than r = 19.5 (Hahn et al. 2023).
    return 10 ** np.interp(r, [14, 17.77, 19.5, 22, 24], [0.0, 2.1, 3.02, 4.12, 4.85])


def star_counts(r: np.ndarray) -> np.ndarray:
    """Stars per square degree and magnitude at magnitude ``r``: a power law of the slope of Robin et al. (2003)."""
    # It passes through some 1,300 stars per square degree at 16 < r < 19 in the footprint of DESI (Cooper et al. 2023).
    return 10 ** (2.85 + 0.17 * (np.asarray(r) - 19)) * (np.asarray(r) > SATURATION)


@functools.cache
def counts_table() -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes, and the number of objects in a stamp brighter than each."""
    r = np.linspace(14, FAINT, 501)
    density = galaxy_counts(r) + star_counts(r)
    return r, np.cumsum(density) * (r[1] - r[0]) * (SIDE / 3600) ** 2


def field_objects(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Galaxies and stars at random places of the stamp, in front of or behind the galaxy as well."""
    table, numbers = counts_table()
    r = np.interp(rng.random(count) * numbers[-1], numbers, table)
    star = rng.random(count) < star_counts(r) / (star_counts(r) + galaxy_counts(r))
    # Stars along the stellar locus of Covey et al. (2007), with more M dwarfs among the faint.
    dwarf, early = rng.random(count) < 0.25 + 0.06 * (r - SATURATION), 0.3 + rng.gamma(2.0, 0.12, count)
    star_g_r = np.where(dwarf, rng.normal(1.45, 0.07, count), early)
    star_r_z = np.where(dwarf, 0.8 + rng.exponential(0.35, count), 0.5 * early - 0.02)
    # Field galaxies are bluer the fainter, roughly as in COSMOS (Capak et al. 2007).
    galaxy_g_r = np.clip(rng.normal(0.95 - 0.08 * (r - 18), 0.3), 0.1, 1.8)
    galaxy_r_z = 0.15 + 0.6 * galaxy_g_r + rng.normal(0, 0.15, count)
    g_r, r_z = np.where(star, star_g_r, galaxy_g_r), np.where(star, star_r_z, galaxy_r_z)
    return {
        "flux": 10 ** (0.4 * (22.5 - np.stack([r + g_r, r, r - r_z], axis=1))),  # (count, 3) in nanomaggies
        "place": rng.uniform(-SIDE / 2, SIDE / 2, (count, 2)),  # arcsec from the centre, to the right and up
        # Half light in arcsec, 0 for a star; 0.4 at r = 24 and 0.1 dex more per mag (Leauthaud et al. 2007).
        "radius": np.where(star, 0, 0.4 * 10 ** (-0.1 * (r - 24)) * rng.lognormal(0, 0.35, count)),
        "axis_ratio": rng.uniform(0.25, 1, count),
        "angle": rng.uniform(0, np.pi, count),
    }


def field_image(objects: dict[str, np.ndarray], psf_sigma: np.ndarray) -> np.ndarray:
    """Noiseless image (152, 152, 3) of `field_objects`, seen through the atmosphere (psf_sigma (3,) in pixels)."""
    # All are drawn at once on patches of the stamp: a few times faster than one by one.
    image = np.zeros((3, IMAGE_SIZE, IMAGE_SIZE), np.float32)
    large = (objects["radius"] > 1.6 * np.sqrt(objects["axis_ratio"])) | (objects["flux"][:, 1] > 250)  # wings, halos
    for size, chosen in ((64, ~large), (192, large)):
        if not chosen.any():
            continue
        some = {name: values[chosen] for name, values in objects.items()}
        pixel, fraction = np.divmod(some["place"] / PIXEL_SCALE, 1)
        flux = some["flux"].astype(np.float32)[..., None, None]
        scene = (_transforms(some, fraction, size)[:, None] * blur(psf_sigma, size)) * flux
        canvas = np.zeros((3, IMAGE_SIZE + size, IMAGE_SIZE + size), np.float32)
        for (x, y), patch in zip(pixel.astype(int) + IMAGE_SIZE // 2, develop(scene, size), strict=True):
            canvas[:, y : y + size, x : x + size] += patch
        image += canvas[:, size // 2 : -size // 2, size // 2 : -size // 2]
    return image.transpose(1, 2, 0)


def _transforms(objects: dict[str, np.ndarray], shift: np.ndarray, size: int) -> np.ndarray:
    """Transforms of unit flux, (n, size, size // 2 + 1), moved by ``shift`` (n, 2) pixels."""
    kx, ky = frequencies(size)
    phase = np.exp(-1j * shift[:, 1, None] * ky)[:, :, None] * np.exp(-1j * shift[:, 0, None] * kx)[:, None]
    kx, ky = kx.astype(np.float32), ky.astype(np.float32)[:, None]
    radius, q, angle = (objects[name][:, None, None].astype(np.float32) for name in ("radius", "axis_ratio", "angle"))
    scale_length = radius / (HALF_LIGHT * PIXEL_SCALE)
    c, s = np.cos(angle), np.sin(angle)
    square = scale_length**2 * ((kx * c + ky * s) ** 2 / q + (ky * c - kx * s) ** 2 * q)
    # Disc and core: as peaked as a Sérsic profile of index 2.
    light = sum(share * (1 / ((1 + x) * np.sqrt(1 + x))) for share, x in ((0.7, square), (0.3, 0.09 * square)))
    return light * phase.astype(np.complex64)
