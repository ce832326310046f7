"""The `gpu` preset at its full width, with few galaxies, on whatever processor is here: each of its steps once."""

import h5py

from bookmaking import open_run

FEW = {
    "n_galaxies": 100, "image_encoder_epochs": 1, "image_encoder_batch_size": 16, "queue_size": 64, "spectrum_encoder_epochs": 1,
    "spectrum_encoder_batch_size": 8, "image_epochs": 1, "spectrum_epochs": 1, "components": 8, "views": 1,
    "features_batch_size": 16, "alignment_epochs": 1, "alignment_batch_size": 16,
}  # fmt: skip
STEPS = (
    "survey",
    "index",
    "image_encoder",
    "spectrum_encoder",
    "image_comparison",
    "spectrum_comparison",
    "features",
    "alignment",
)


def test_every_step_is_made_by_the_published_networks(tmp_path):
    run = open_run(preset="gpu", run_dir=tmp_path, **FEW)
    for step in STEPS:
        run.make(step)
    assert all(run.problem(step) is None for step in STEPS)
    with h5py.File(run.path("image_comparison.h5")) as file:
        assert {"frozen", "random", "pca", "supervised"} <= file.keys()
    with h5py.File(run.path("features.h5")) as file:
        assert file["image"]["clean"].shape == (100, 32 + 27)
        assert file["spectrum"]["clean"].shape == (100, 256 + 1)
    assert run.preset.image_encoder.field // run.preset.image_encoder.binning == 96
