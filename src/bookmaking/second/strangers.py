"""Objects that no mock survey holds, to try the warning on: in the place of galaxies, at the same signal and noise."""

from __future__ import annotations

import numpy as np

from astroclip_book.data.pairs import IMAGE_SIZE, WAVELENGTH
from mock_survey.images.artefacts import ARTEFACTS

# Rest wavelength (Å), equivalent width (Å) and width over wavelength of a quasar's lines (Vanden Berk et al. 2001,
# https://doi.org/10.1086/321167, Table 2).
QUASAR_LINES = (
    (1216, 93, 0.016),
    (1549, 24, 0.009),
    (1909, 21, 0.012),
    (2800, 32, 0.012),
    (4863, 46, 0.009),
    (6565, 195, 0.007),
)
STAR_LINES = (
    (3935, 4),
    (3970, 5),
    (4103, 3),
    (4342, 3),
    (4863, 3),
    (5176, 3),
    (5894, 1),
    (6565, 2),
)  # Å, equivalent width
STAR_WIDTH = 6.0  # Å, σ
EDGE = 8  # pixels of an image that are taken for sky
SEEING = 2.1  # pixels, σ: 1.3 arcsec FWHM
OFF_CENTRE = 25  # pixels


def strange_spectra(flux: np.ndarray, ivar: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Spectra (n, 7781) by kind, each with the mean level and the noise of a galaxy's."""
    level = np.average(flux, axis=1, weights=ivar.mean(0))[:, None].clip(min=0)
    noise = rng.normal(size=flux.shape) / np.sqrt(np.where(ivar > 0, ivar, np.inf))
    quasar, star = (
        shape / shape.mean(axis=1, keepdims=True) for shape in (_quasars(len(flux), rng), _stars(len(flux), rng))
    )
    return {
        "quasar": level * quasar + noise,
        "quasar, four times the signal": 4 * level * quasar + noise,
        "star": level * star + noise,
        "star, four times the signal": 4 * level * star + noise,
        "noise alone": noise,
    }


def strange_images(images: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Images (n, 152, 152, 3) by kind: no galaxy, not as they should be, or with each of the mock's artefacts."""
    sky = np.array([_sky(image, rng) for image in images])
    y, x = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] - (IMAGE_SIZE - 1) / 2
    star = np.exp(-0.5 * (x**2 + y**2) / SEEING**2) / (2 * np.pi * SEEING**2)
    inner = slice(IMAGE_SIZE // 2 - 16, IMAGE_SIZE // 2 + 16)
    flux = images[:, inner, inner].sum(axis=(1, 2)).clip(min=0)
    return {
        "star": sky + star[..., None] * flux[:, None, None],
        "empty sky": sky,
        "bands in reverse order": images[..., ::-1],
        "off centre by 6.5 arcsec": np.roll(images, OFF_CENTRE, axis=2),
        **{
            f"artefact: {name.replace('_', ' ')}": np.array([draw(one.copy(), rng) for one in images])
            for name, draw in ARTEFACTS.items()
        },
    }


def _quasars(n: int, rng: np.random.Generator) -> np.ndarray:
    """Power laws (index in wavelength −1.5 ± 0.3) with broad lines, at redshifts of 0.6 to 3."""
    stretch = 1 + rng.uniform(0.6, 3, (n, 1))
    flux = (WAVELENGTH / 6000) ** rng.normal(-1.5, 0.3, (n, 1))
    return flux * (
        1 + sum(_line(rest * stretch, width * stretch, wide * rest * stretch) for rest, width, wide in QUASAR_LINES)
    )


def _stars(n: int, rng: np.random.Generator) -> np.ndarray:
    """Black bodies of 3500 to 8000 K with the strongest absorption lines of the Sun."""
    hc_k = 1.4388e8  # Å K
    flux = WAVELENGTH**-5.0 / np.expm1(hc_k / WAVELENGTH / rng.uniform(3500, 8000, (n, 1)))
    return flux * (1 - sum(_line(rest, width, STAR_WIDTH) for rest, width in STAR_LINES))


def _line(centre, width, sigma):
    return width / (sigma * np.sqrt(2 * np.pi)) * np.exp(-0.5 * ((WAVELENGTH - centre) / sigma) ** 2)


def _sky(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    edge = np.concatenate([image[:EDGE], image[-EDGE:]]).reshape(-1, 3)
    scatter = 1.4826 * np.median(np.abs(edge - np.median(edge, axis=0)), axis=0)
    return rng.normal(size=image.shape) * scatter
