"""Command line: ``python -m bookmaking book laptop``."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from astroclip_book.config import choose_device
from astroclip_book.data.files import lock
from astroclip_book.errors import BookError
from astroclip_book.train import processes
from bookmaking.execution import execute
from bookmaking.presets import ROOT, load_preset
from bookmaking.site.build import build_site
from bookmaking.store.recipes import chain
from bookmaking.store.run import Run, full_disk_explained
from bookmaking.verify import verify, write_reference

LOCK = ".lock"
ON_RUNS = {
    "book": "execute and site", "execute": "the chapters", "site": "their pages",
    "verify": "execute and compare with the reference, in a new runs/verify-<preset> unless --run-dir names a run to be completed",
    "reference": "make a run the reference", "why": "say what would be made again, and why",
    "make": "one artefact and what it needs, without the chapters; encoders and features by torchrun too",
}  # fmt: skip


def main() -> None:
    """Execute the chapters of a run, build its site, print or verify it; make its steps without the chapters; download or convert data."""
    options = _parser().parse_args()
    sys.stdout.reconfigure(errors="replace")  # a terminal of another encoding has no dashes
    try:
        if options.what == "data":
            from real_sky.download import download_dataset  # the other commands start sooner without astropy and Arrow

            download_dataset(options.dataset, options.data_dir)
        elif options.what == "parquet":
            from real_sky.parquet import convert_parquet

            print("\nThe pairs:", convert_parquet(options.sources, options.output))
        elif options.what == "universe":
            from real_sky.universe import convert_universe

            print("\nThe pairs:", convert_universe(options.images, options.spectra, options.output, options.radius))
        else:
            _on_run(options)
    except BookError as error:
        sys.exit(f"\nError: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again to continue from here.")


def _on_run(options: argparse.Namespace) -> None:
    preset, what = load_preset(options.preset, sample_path=options.sample), options.what
    fresh = what == "verify" and options.run_dir is None
    run = Run(preset, options.run_dir or ROOT / "runs" / f"{'verify-' if fresh else ''}{preset.name}")
    site = (options.site_dir or ROOT / "_build" / preset.name).absolute()
    with ExitStack() as held:
        if what != "site":
            _take(held, run.directory, "--run-dir")
        if what in ("book", "site"):
            _take(held, site, "--site-dir")
        if fresh:
            _empty(run.directory)
        if what not in ("site", "why") and processes.rank() == 0 and run.manifest:
            run.write({})  # metrics.json, which somebody may have deleted or spoilt
        if what == "make":
            run.device = choose_device(options.device)
            for name in chain(options.target):
                run.make(name)
        elif what == "why":
            problems = {name: problem for name in run.steps if (problem := run.problem(name))}
            print("\n".join(f"{name}: {problem}" for name, problem in problems.items()) or "All is up to date.")
        else:
            _make_book(options, run, site)


def _make_book(options: argparse.Namespace, run: Run, site: Path) -> None:
    if options.what != "site":
        parameters = {"preset": options.preset, "run_dir": str(run.directory), "device": options.device}
        parameters |= {"sample_path": run.preset.sky.sample_path} if options.sample else {}
        with full_disk_explained(run.directory):
            execute(run, parameters)
    if options.what == "verify":
        print("\n" + verify(run))
    elif options.what == "reference":
        print("\nThe reference:", write_reference(run))
    elif options.what != "execute":
        with full_disk_explained(site):
            print("\nThe book:", build_site(run, site))


def _empty(directory: Path) -> None:
    """Remove all but the lock."""
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def _take(held: ExitStack, directory: Path, option: str) -> None:
    """Make a directory and keep a second call out of it, where each would find the other's half-made chapters and pages."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        place = f"choose another place by the option {option} of `python -m bookmaking`"
        raise BookError(f"{directory} cannot be made or written to ({error}): {place}.") from error
    if processes.rank() == 0:
        busy = f"Another call of this book is at work in {directory}. Wait for it, or stop it, then run the same command again."
        held.enter_context(lock(directory / LOCK, busy))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bookmaking", description=main.__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    for name, purpose in ON_RUNS.items():
        command = commands.add_parser(name, help=purpose)
        if name == "make":
            command.add_argument("target", help="name of a recipe, or of a file that it makes")
        command.add_argument("preset", help="name of a preset, or path of a YAML file like those in presets/")
        command.add_argument("--run-dir", type=Path, help="where artefacts go, by default runs/<preset>")
        command.add_argument("--site-dir", type=Path, help="where the site goes, by default _build/<preset>")
        command.add_argument("--sample", help="file of real pairs in the release layout, on which the run is measured")
        command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    data = commands.add_parser("data", help="download a data set, or gather a sample")
    data.add_argument("dataset", help="name of a data set, or path of a YAML file like those in datasets/")
    data.add_argument("--data-dir", type=Path, default=ROOT / "data", help="where downloaded files go, by default data")
    kinds = commands.add_parser("pairs", help="write pairs of another format as the book reads them")
    kinds = kinds.add_subparsers(dest="what", required=True)
    parquet = kinds.add_parser("parquet", help="the AstroCLIP release in Parquet files")
    parquet.add_argument("sources", type=Path, nargs="+", help="files, or directories with them")
    universe = kinds.add_parser("universe", help="catalogues of the Multimodal Universe in HATS format, cross-matched")
    universe.add_argument("--images", required=True, help="directory or address of a catalogue of Legacy Survey images")
    universe.add_argument("--spectra", required=True, help="directory or address of a catalogue of DESI spectra")
    universe.add_argument("--radius", type=float, default=1.0, help="of the match, arcsec; by default 1")
    for kind in (parquet, universe):
        kind.add_argument("--output", type=Path, required=True, help="the HDF5 file to write")
    return parser


if __name__ == "__main__":
    main()
