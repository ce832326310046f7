"""The `gpu` preset at its full width, with few galaxies, on whatever processor is here."""

import h5py
from small import write_pairs

from bookmaking import open_run

FEW = {
    "image_encoder_epochs": 1, "image_encoder_batch_size": 16, "queue_size": 64, "spectrum_encoder_epochs": 1,
    "spectrum_encoder_batch_size": 8, "views": 1, "features_batch_size": 16, "alignment_epochs": 1, "alignment_batch_size": 16,
    "validation_fraction": 0.2, "leading": 8,
}  # fmt: skip


def test_the_published_networks_are_trained_and_their_features_aligned(tmp_path):
    run = open_run(preset="gpu", run_dir=tmp_path, pairs_path=write_pairs(tmp_path / "real.h5", per_group=5), **FEW)
    for step in ("index", "image_encoder", "spectrum_encoder", "features", "alignment"):
        run.make(step)
        assert run.problem(step) is None
    with h5py.File(run.path("features.h5")) as file:
        assert file["image"]["clean"].shape == (50, 8 + 27)
        assert file["spectrum"]["clean"].shape == (50, 256 + 1)
    assert run.preset.image_encoder.field // run.preset.image_encoder.binning == 96
