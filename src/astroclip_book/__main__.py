"""Command line: ``python -m astroclip_book book laptop``."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from astroclip_book.download import DATA, download_dataset
from astroclip_book.errors import BookError
from astroclip_book.execution import execute
from astroclip_book.pipeline import CHAPTERS
from astroclip_book.presets import ROOT, load_preset
from astroclip_book.run import Run, choose_device
from astroclip_book.site import build_site
from astroclip_book.storage import prepare
from astroclip_book.verify import verify, write_reference


def main() -> None:
    """Execute the chapters of a run, build its site, or both; verify it; make its steps without the chapters; or download data."""
    parser = argparse.ArgumentParser(prog="python -m astroclip_book", description=main.__doc__)
    parser.add_argument("what", choices=("book", "execute", "site", "verify", "reference", "steps", "data"),
                        help="book is execute and site; verify executes and compares with the reference, in a new runs/verify-<preset> "
                        "unless --run-dir names a run to be completed; reference makes a run the reference; steps is for torchrun, "
                        "on many GPUs; data downloads a data set")
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
        fresh = options.what == "verify" and options.run_dir is None
        run = Run(preset, options.run_dir or ROOT / "runs" / f"{'verify-' if fresh else ''}{preset.name}")
        site = (options.site_dir or ROOT / "_build" / preset.name).absolute()
        if fresh:
            shutil.rmtree(run.directory, ignore_errors=True)
        if options.what != "site":
            prepare(run.directory, "--run-dir")
        if options.what in ("book", "site"):
            prepare(site, "--site-dir")
        if options.what == "steps":
            run.device = choose_device(options.device)
            for step in run.steps:
                run.make(step)
            return
        if options.what != "site":
            parameters = {"preset": options.preset, "run_dir": str(run.directory), "device": options.device}
            execute(run, parameters, CHAPTERS)
        if options.what == "verify":
            print("\n" + verify(run))
        elif options.what == "reference":
            print("\nThe reference:", write_reference(run))
        elif options.what != "execute":
            print("\nThe book:", build_site(run, site))
    except BookError as error:
        sys.exit(f"\nError: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again to continue from here.")


if __name__ == "__main__":
    main()
