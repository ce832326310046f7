"""Cut-outs: calibrated, with structure that does what it says, the field around, and the camera's noise."""

import galsim
import numpy as np
import pytest
from scipy import ndimage
from small import small_survey

from mock_survey import survey
from mock_survey.images import camera, field
from mock_survey.images import cutouts as images
from mock_survey.images.camera import develop, draw_reddening, fourier, galactic_transmission, pixel_response

Y, X = np.mgrid[-76:76, -76:76]
R = np.hypot(X, Y) * 0.262  # arcsec


@pytest.fixture(scope="module")
def galaxies():
    return survey.truth(small_survey(300), 1)


# A face-on disc without structure, in good seeing.
DISC = {"magnitudes": np.array([17.5, 17.0, 16.5]), "bulge_share": np.array([0.09, 0.1, 0.11]), "morphology": 2}
DISC |= {"radius": 4.0, "disc_radius": 4.0, "bulge_radius": 1.4, "axis_ratio": 1.0, "angle": 0.4, "n_neighbours": 0}
DISC |= dict.fromkeys(("spiral", "bar", "ring", "merger", "dust_lane"), False)
DISC |= {"arm_strength": 0.0, "arm_number": 2, "pitch": 0.35, "ring_radius": 1.6, "ring_strength": 0.2}
DISC |= {"bar_length": 1.3, "bar_angle": 1.0, "bar_strength": 0.2, "lane_reddening": 0.6}
DISC |= {"psf_sigma": np.full(3, 1.6), "sky_noise": np.zeros(3), "galactic_transmission": np.ones(3)}

ALL = dict.fromkeys(("spiral", "bar", "ring", "merger", "dust_lane"), True)
STRUCTURE = {
    "smooth": {},
    "arms": {"spiral": True, "arm_strength": 0.3},
    "bar": {"bar": True},
    "ring": {"ring": True},
    "merger": {"merger": True},
    "dust lane": {"dust_lane": True, "axis_ratio": 0.2},
    "irregular": {"morphology": 3, "arm_strength": 0.35},
    "all": ALL | {"arm_strength": 0.4, "axis_ratio": 0.3},
}


def drawn(seed=0, **changes):
    return images.galaxy_image(DISC | changes, np.random.default_rng(seed))


@pytest.mark.parametrize("structure", STRUCTURE)
def test_structure_leaves_the_flux(structure):
    small = {"radius": 1.5, "disc_radius": 1.5, "bulge_radius": 0.5}
    image = drawn(**small, **STRUCTURE[structure])
    # The stamp ends where the wings do not.
    assert np.allclose(22.5 - 2.5 * np.log10(image.sum(axis=(0, 1))), DISC["magnitudes"], atol=0.03)
    assert structure == "smooth" or np.abs(image - drawn(**small)).max() > 0.01 * image.max()


def test_galaxy_is_centred_and_as_large_as_it_should_be():
    image = drawn(bulge_share=np.zeros(3), radius=2.0, disc_radius=2.0)[..., 1]
    assert abs((image * X).sum() / image.sum()) < 0.05 and abs((image * Y).sum() / image.sum()) < 0.05
    assert image[R < 2.0].sum() < image.sum() / 2 < image[R < 2.2].sum()  # seeing enlarges it a little


def test_arms_wind_by_their_pitch():
    image = drawn(spiral=True, arm_strength=0.4, pitch=0.5, seed=3)[..., 1]
    angle = np.arctan2(Y, X)

    def phase(radius):  # of the two-fold modulation
        ring = np.abs(R - radius) < 0.3
        return np.angle((image[ring] * np.exp(2j * angle[ring])).sum())

    turned = (phase(7.0) - phase(5.0)) % (2 * np.pi)
    assert abs(turned - 2 * np.log(7 / 5) / np.tan(0.5)) < 0.5


def test_bar_elongates_the_centre_along_its_angle():
    def elongation(image, angle):
        u, v = X * np.cos(angle) + Y * np.sin(angle), Y * np.cos(angle) - X * np.sin(angle)
        weight = image[..., 1] * (R < 3)
        return (weight * u**2).sum() / (weight * v**2).sum()

    seen = DISC["angle"] + DISC["bar_angle"]
    assert abs(elongation(drawn(), seen) - 1) < 0.02
    assert elongation(drawn(bar=True), seen) > 1.15


def test_dust_lane_darkens_and_reddens_the_plane():
    edge_on = {"axis_ratio": 0.25, "angle": 0.0}
    dusty, clear = drawn(dust_lane=True, **edge_on), drawn(**edge_on)
    plane = (np.abs(Y) < 1) & (np.abs(X) > 8) & (np.abs(X) < 20)
    above = (np.abs(Y) > 8) & (np.abs(Y) < 12) & (np.abs(X) < 20)
    loss = dusty[plane].sum(axis=0) / clear[plane].sum(axis=0)
    assert loss[0] < loss[1] < loss[2] < 1 and loss[0] < 0.9
    assert (dusty[above].sum(axis=0) > clear[above].sum(axis=0)).all()  # where the magnitudes' light went


def test_transform_agrees_with_galsim():
    disc = galsim.Exponential(half_light_radius=1.2).shear(q=0.6, beta=0.5 * galsim.radians)
    profile = galsim.Convolve(disc, galsim.Moffat(beta=3.5, fwhm=1.2))
    ours = develop(fourier(profile, 192) * pixel_response(192), 152)
    theirs = profile.drawImage(nx=153, ny=153, scale=0.262).array[:152, :152]
    assert np.abs(ours - theirs).max() < 2e-3 * theirs.max()


def test_counts_of_the_field():
    r = np.linspace(14, 24, 1001)
    step = r[1] - r[0]
    assert abs(field.galaxy_counts(r)[r < 17.77].sum() * step - 92) < 20
    assert abs(field.galaxy_counts(r)[r < 19.5].sum() * step - 864) < 90
    assert 15 < field.galaxy_counts(r).sum() * step / 3600 < 30  # per square arcminute
    assert 1000 < field.star_counts(r)[(r > 16) & (r < 19)].sum() * step < 1600


def test_objects_of_the_field():
    objects = field.field_objects(20000, np.random.default_rng(0))
    star = objects["radius"] == 0
    assert 0.08 < star.mean() < 0.2
    assert (np.abs(objects["place"]).max(axis=0) > 19).all()
    assert (np.hypot(*objects["place"].T) < 3).mean() > 0.01  # blends with the galaxy occur
    g_r, r_z = -2.5 * np.log10(objects["flux"][:, :2] / objects["flux"][:, 1:]).T
    assert (g_r > -0.2).all() and 0.4 < np.median(g_r[~star]) < 0.8 and 0.3 < np.median(r_z[~star]) < 0.7
    assert g_r[star].std() > 0.4  # halo stars and M dwarfs


def test_field_agrees_with_galsim():
    objects, scene = field.field_objects(40, np.random.default_rng(2)), []
    for i, (radius, ratio) in enumerate(zip(objects["radius"], objects["axis_ratio"], strict=True)):
        body = galsim.DeltaFunction()
        if radius:
            body = galsim.Exponential(half_light_radius=radius)
            body = (0.7 * body + 0.3 * body.dilate(0.3)).shear(q=ratio, beta=objects["angle"][i] * galsim.radians)
        scene.append((fourier(body.shift(*objects["place"][i]), 512), objects["flux"][i]))
    sigma = np.array([2.4, 2.1, 2.0])
    theirs = images.photograph(scene, sigma)
    assert np.abs(field.field_image(objects, sigma) - theirs).max() < 2e-3 * theirs.max()


def test_reddening_dims_galaxy_and_field_alike():
    clear = DISC | {"n_neighbours": 10}
    dusty = clear | {"galactic_transmission": galactic_transmission(0.2)}
    first, second = (images.draw_image(galaxy, np.random.default_rng(1)) for galaxy in (clear, dusty))
    assert np.allclose(second, first * galactic_transmission(0.2), rtol=1e-4, atol=1e-6)


def test_reddening_of_the_footprint():
    ebv = draw_reddening(20000, np.random.default_rng(0))
    assert (ebv > 0).all() and ebv.max() <= 1
    assert 0.030 < np.median(ebv) < 0.038 and 0.09 < np.percentile(ebv, 95) < 0.12


def test_noise_counts_the_photons_of_the_source():
    rng, sky = np.random.default_rng(0), np.array([0.003, 0.0045, 0.012])
    dark, light = np.zeros((152, 152, 3), np.float32), np.full((152, 152, 3), 0.3, np.float32)
    noise = [(camera.expose(image, sky, rng) - image).std(axis=(0, 1)) for image in (dark, light)]
    assert np.allclose((noise[1] / noise[0]) ** 2, 1 + 0.3 / camera.SKY_BRIGHTNESS, rtol=0.05)
    # Averaged over large areas the noise is that of independent pixels.
    coarse = (camera.expose(dark, sky, rng)).reshape(19, 8, 19, 8, 3).mean(axis=(1, 3)).std(axis=(0, 1))
    assert np.allclose(8 * coarse, sky, rtol=0.12)


def test_depth_and_seeing_vary_together_and_depth_with_the_exposure():
    usual = camera.conditions(3000, 1.0, np.random.default_rng(0))
    deep = camera.conditions(3000, 4.0, np.random.default_rng(0))
    assert np.allclose(usual["sky_noise"], 2 * deep["sky_noise"])
    assert np.allclose(usual["psf_sigma"], deep["psf_sigma"])
    assert np.allclose(np.median(usual["sky_noise"], axis=0), [0.0031, 0.0044, 0.0117], rtol=0.05)
    for values in usual.values():
        correlation = np.corrcoef(np.log(values).T)[np.triu_indices(3, 1)]
        assert (correlation > 0.4).all() and (correlation < 0.6).all()


def background(image):
    """Scatter (3,) of the pixels away from all that is seen, and the correlation of neighbours one and two apart (2, 3)."""
    smooth = ndimage.gaussian_filter(image.sum(axis=2), 3)
    level = np.median(smooth)
    spread = 1.4826 * np.median(np.abs(smooth - level))
    dark = ~ndimage.binary_dilation(smooth > level + 1.5 * spread, iterations=4)
    values = np.where(dark[..., None], image - np.median(image[dark], axis=0), np.nan)
    correlation = [np.nanmean(values[lag:] * values[:-lag], axis=(0, 1)) for lag in (1, 2)]
    return 1.4826 * np.nanmedian(np.abs(values), axis=(0, 1)), correlation / np.nanvar(values, axis=(0, 1))


def test_noise_like_legacy_survey_coadds(galaxies, realdata):
    real = np.load(realdata / "grz_images.npz", allow_pickle=False)
    coadds = [background(image) for image, note in zip(real["images"], real["note"], strict=True) if "coadd" in note]
    drawn = ({name: values[i] for name, values in galaxies.items()} for i in range(60))
    mocks = [background(images.draw_image(galaxy, np.random.default_rng(i))) for i, galaxy in enumerate(drawn)]
    level, near = ([np.median([one[k] for one in stamps], axis=0) for stamps in (mocks, coadds)] for k in (0, 1))
    assert np.abs(level[0] / level[1] - 1).max() < 0.3
    assert np.abs(near[0] - near[1]).max() < 0.15


POINT = {"flux": np.ones((1, 3)), "place": np.zeros((1, 2)), "axis_ratio": np.ones(1)}
STAR = POINT | dict.fromkeys(("radius", "angle"), np.zeros(1))


def test_psf_has_the_width_of_the_catalogue():
    sigma = np.array([2.0, 2.5, 3.0])
    image = field.field_image(STAR, sigma)
    for band in range(3):
        profile = image[76, 76:, band]
        half = np.interp(-profile[0] / 2, -profile, np.arange(76))
        assert abs(2 * half * 0.262 - camera.FWHM * sigma[band]) < 0.05  # the pixel widens it by little
    assert np.allclose(image.sum(axis=(0, 1)), 1, atol=0.01)


@pytest.mark.parametrize(("region", "fwhm"), [("ngc", (1.30, 1.30, 1.21)), ("sgc", (1.46, 1.49, 1.43))])
def test_stars_have_the_halos_of_decals(region, fwhm, realdata):
    bright = 10 ** (0.4 * (22.5 - 13.0))
    image = field.field_image(STAR | {"flux": np.full((1, 3), bright)}, np.array(fwhm) / camera.FWHM)
    for band, name in enumerate("grz"):
        path = realdata / f"mock_targets/ls_psf/average_profiles_south_decals_{region}_{name}.txt"
        table = np.genfromtxt(path, names=True)
        radius, flux = (table[f"{column}_{name}_1300"] for column in ("radius", "flux"))
        sky = flux[radius > 50].mean()
        for low in (4, 6, 9, 13):  # arcsec, where it is not saturated
            inside, ring = (radius > low) & (radius < low + 3), (R > low) & (R < low + 3)
            real = np.average(flux[inside] - sky, weights=radius[inside])
            assert 0.6 < image[..., band][ring].mean() / 0.262**2 / real < 1.6
