"""Command line: ``python -m astroclip_book book laptop``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from astroclip_book.download import DATA, download_dataset
from astroclip_book.errors import BookError
from astroclip_book.execution import execute
from astroclip_book.pdf import print_book
from astroclip_book.pipeline import CHAPTERS
from astroclip_book.presets import ROOT, load_preset
from astroclip_book.run import Run, choose_device
from astroclip_book.site import build_site


def main() -> None:
    """Execute the chapters of a run, build its site, or both, or print the book; make steps without the chapters; download data."""
    parser = argparse.ArgumentParser(prog="python -m astroclip_book", description=main.__doc__)
    parser.add_argument("what", choices=("book", "execute", "site", "pdf", "steps", "data"),
                        help="book is execute and site; pdf is book and prints it; steps is for torchrun, on many GPUs; data downloads")
    parser.add_argument("preset", help="name of a preset, or path of a YAML file like those in presets/; for data, datasets/")
    parser.add_argument("--run-dir", type=Path, help="where artefacts go, by default runs/<preset>")
    parser.add_argument("--site-dir", type=Path, help="where the site goes, by default _build/<preset>")
    parser.add_argument("--data-dir", type=Path, default=DATA, help="where downloaded files go, by default data")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args()
    try:
        if options.what == "data":
            download_dataset(options.preset, options.data_dir)
            return
        preset = load_preset(options.preset)
        run = Run(preset, options.run_dir or ROOT / "runs" / preset.name)
        if options.what == "steps":
            run.device = choose_device(options.device)
            for step in run.steps:
                run.make(step)
            return
        if options.what != "site":
            parameters = {"preset": options.preset, "run_dir": str(run.directory), "device": options.device}
            execute(run, parameters, CHAPTERS)
        if options.what != "execute":
            make = print_book if options.what == "pdf" else build_site
            print("\nThe book:", make(run, (options.site_dir or ROOT / "_build" / preset.name).absolute()))
    except BookError as error:
        sys.exit(f"\nError: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again to continue from here.")


if __name__ == "__main__":
    main()
