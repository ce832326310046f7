"""What is predicted of galaxies, from what else one could, and which galaxies are rare, as a catalogue knows them."""

import numpy as np

from astroclip_book.evaluate.knn import Roles

# name: (modality whose neighbours are averaged, modality that is asked about)
DIRECTIONS = {
    "image": ("image", "image"),
    "spectrum": ("spectrum", "spectrum"),
    "cross": ("spectrum", "image"),
    "cross_spectrum": ("image", "spectrum"),
}
FEW = 2  # with fewer known values in a split, R² has no meaning
ACTIVE = ("seyfert",)  # of the mock's ``IONISATION``: young stars light composites too, old stars its liners
CLEAN = ("none", "")  # an image without a defect, and one that nobody labelled


def known_properties(split, catalog: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What can be predicted and checked, by name, (N,) each and NaN where unknown.

    ``redshift``, that of ``split`` (`Embeddings` or `Index`); ``log_mstar`` (log10 solar masses), ``log_ssfr`` (log10 of star
    formation per stellar mass, 1/yr), ``log_tage_mw`` (log10 of the mean age of the stars by mass, Gyr) and ``log_z_mw`` (log10 of
    the metal fraction) by the columns of a catalogue aligned with it, as far as `with_enough` keeps them.
    """

    def column(name: str, lowest: float = -np.inf) -> np.ndarray:
        values = catalog.get(name, np.full(len(split.redshift), np.nan))
        return np.where(np.isfinite(values) & (values > lowest), values, np.nan)

    # Masses, ages and metallicities that are not positive stand for a fit that failed.
    known = {"redshift": split.redshift, "log_mstar": column("LOG_MSTAR", 0), "log_ssfr": column("LOG_SSFR")}
    known |= {"log_tage_mw": np.log10(column("TAGE_MW", 0)), "log_z_mw": np.log10(column("Z_MW", 0))}
    return with_enough(split, known)


def with_enough(split, known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of some values (N,) that are known of at least `FEW` objects in each split."""
    return {name: values for name, values in known.items() if min(map(len, Roles.known(split, values))) >= FEW}


def photometry(catalog: dict[str, np.ndarray]) -> np.ndarray | None:
    """What an image says in a few numbers (N, 3 or 4): r, g − r, r − z (mag), and log10 of the half-light radius if listed.

    NaN where something is missing or not positive; None if the catalogue has no magnitudes. In the mock these are the true
    ones, without noise: a hard yardstick.
    """
    names = [name for name in ("MAG_G", "MAG_R", "MAG_Z", "HALF_LIGHT_RADIUS") if name in catalog]
    if names[:3] != ["MAG_G", "MAG_R", "MAG_Z"]:
        return None
    g, r, z, *size = (np.where(catalog[name] > 0, catalog[name], np.nan) for name in names)
    return np.stack([r, g - r, r - z, *map(np.log10, size)], axis=1)


def rare_kinds(catalog: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which objects (n,) are of a rare kind, ``artefact``, ``merger`` or ``agn``, as far as the catalogue has the labels.

    These are ``ARTEFACT`` (kind of the image's defect), ``MERGER`` (bool) and ``IONISATION`` (what lights the gas). An object
    that the catalogue does not know is of no kind; a kind without two members, who could find each other, is left out.
    """
    kinds = {}
    if "ARTEFACT" in catalog:
        kinds["artefact"] = ~np.isin(catalog["ARTEFACT"], CLEAN)
    if "MERGER" in catalog:
        kinds["merger"] = np.asarray(catalog["MERGER"]) == 1  # −1 and NaN: not known
    if "IONISATION" in catalog:
        kinds["agn"] = np.isin(catalog["IONISATION"], ACTIVE)
    return {name: members for name, members in kinds.items() if members.sum() >= 2}
