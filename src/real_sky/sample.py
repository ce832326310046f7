"""A few hundred real pairs from the surveys' own services, chosen by ``datasets/sample.yaml``.

Spectra of DESI come from SPARCL (https://astrosparcl.datalab.noirlab.edu, Juneau et al. 2024, arXiv:2401.05576): ``api/find``
lists galaxies, ``api/spectras`` returns their spectra, both as JSON whose first entry is a header. Its client, sparclclient,
needs older versions of pandas and NumPy than this book has, and unpickles what arrives; so its requests are made here.
Images come from the viewer of the Legacy Surveys (https://www.legacysurvey.org/viewer), ``fits-cutout`` by position.
"""

import dataclasses
import json
import logging
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import urllib3
from pydantic import NonNegativeInt, PositiveInt

from astroclip_book.config import NonNegative, Positive, section
from astroclip_book.data.files import lock, progress, read_json, write_json
from astroclip_book.data.pairs import BANDS, GROUPS, IMAGE_SIZE, PIXEL_SCALE, open_pairs
from astroclip_book.errors import BookError
from real_sky.observations.arrays import spectra_of_arrays
from real_sky.observations.fits_files import REQUEST
from real_sky.observations.observed import Images, Spectra, together
from real_sky.observations.surveys import read_cutout
from real_sky.parquet import SMALLEST, write_pairs

log = logging.getLogger(__name__)

BUSY = (408, 425, 429, 500, 502, 503, 504)
TIMEOUT = urllib3.Timeout(connect=10, read=60)  # s: to connect, and without a byte
RETRIES = urllib3.Retry(5, backoff_factor=1, backoff_max=60, status_forcelist=BUSY, allowed_methods=None)
AGENT = f"astroclip-book/{version('astroclip-book')} (a book that reproduces AstroCLIP; a few hundred galaxies, once)"
FOUND = 20_000  # galaxies of one field at most
BATCH = 20  # spectra of one request
DOWN = 3  # cut-outs in a row that the service fails to give
LARGEST = 5000  # pairs that are read at once
RADIUS = 4 / PIXEL_SCALE  # pixels, of the circle in which brightness is measured


@section
class Sample:
    """Which pairs are asked for, and of whom."""

    file: str
    n: PositiveInt
    seed: NonNegativeInt
    faintest: Positive  # r magnitude
    pause: NonNegative  # s before each request
    spectra: str  # address of SPARCL
    images: str  # address of the cut-out service
    constraints: dict[str, list]
    fields: list[dict[str, list[float]]]


def gather(sample: Sample, directory: Path) -> Path:
    """Ask for the pairs of a sample and write them in the release layout; called again after a kill, it goes on.

    What arrives is kept in a directory beside the file, and asked for once. A JSON file beside it says what was asked, got and
    left out, and where on the sky each pair is. BookError if a service does not answer, refuses, or has too few such galaxies.
    """
    output = Path(directory) / sample.file
    if output.exists():
        return output
    kept, taken = output.with_suffix(""), []
    with lock(output.with_name(f"{output.name}.lock"), f"Another process is gathering {output}: wait for it."):
        kept.mkdir(parents=True, exist_ok=True)
        service = _Service(sample, kept)
        found = service.found()
        order = np.random.default_rng(sample.seed).permutation(len(found))
        with progress(desc="galaxies", total=sample.n, unit="galaxy") as bar:
            while len(order) and len(taken) < sample.n:
                batch, order = [found[i] for i in order[:BATCH]], order[BATCH:]
                images = {one["targetid"]: service.image(one) for one in batch}
                spectra = service.spectra([one for one in batch if images[one["targetid"]]])
                for one in batch:
                    if (targetid := one["targetid"]) in spectra:
                        taken.append((one, images[targetid], spectra[targetid]))
                bar.update(min(len(taken), sample.n) - bar.n)
        # A field keeps together: the test galaxies, the last fifth of each group, lie elsewhere than the others.
        taken = sorted(taken[: sample.n], key=lambda pair: (pair[0]["ra"], pair[0]["dec"]))
        left_out = service.left_out
        log.warning("%s: %d galaxies found, %d pairs, %d left out", output, len(found), len(taken), len(left_out))
        if len(taken) < SMALLEST:
            why = "; ".join(list(left_out.values())[:3])
            told = f"{output}: of {len(found)} galaxies {len(taken)} became pairs, {SMALLEST} are needed. {why}"
            raise BookError(told)
        objects, images, spectra = zip(*taken, strict=True)
        selection, finished = dataclasses.asdict(sample), f"{datetime.now(UTC):%FT%TZ}"
        manifest = {"selection": selection, "finished": finished, "found": len(found), "left_out": left_out}
        manifest |= {"masses": "none: a catalogue such as PROVABGS has them by TARGETID", "pairs": objects}
        write_json(output.with_suffix(".json"), manifest)
        images, spectra = together(images), together(spectra)

        def batches(first: int):
            yield {
                "images": images.images[first:], "spectra": spectra.flux[first:], "ivar": spectra.ivar[first:],
                "redshifts": spectra.redshift[first:], "targetids": np.array([one["targetid"] for one in objects[first:]]),
            }  # fmt: skip

        return write_pairs(output, np.arange(len(taken)), selection, batches, ivar=True)


def read_sample(path: str | Path) -> dict[str, Images | Spectra]:
    """Pairs in the release layout by modality, ``image`` and ``spectrum``: row by row the same galaxy. BookError if they are too many to hold."""
    with open_pairs(Path(path)) as file:
        if (n := sum(len(file[group]["targetids"]) for group in GROUPS)) > LARGEST:
            raise BookError(f"{path} has {n} pairs, more than {LARGEST}: give it to a run as data.pairs_path instead.")
        arrays = {name: np.concatenate([file[group][name][:] for group in GROUPS]) for name in file["0"]}
    flux, z, name = arrays["spectra"], arrays["redshifts"].astype(float), arrays["targetids"].astype(str)
    good = np.isfinite(z) & flux.any(axis=1) & arrays["images"].any(axis=(1, 2, 3))
    images = Images(arrays["images"], z, name)[good]
    return {"image": images, "spectrum": Spectra(flux, arrays.get("ivar", (flux != 0) * 1.0), z, name)[good]}


class _Service:
    """Both services, asked politely: one request after the other, each answer kept."""

    def __init__(self, sample: Sample, kept: Path):
        self.sample, self.kept, self.failed = sample, kept, 0
        self.left_out = {}  # why, by TARGETID
        self.http = urllib3.PoolManager(headers={"User-Agent": AGENT}, retries=RETRIES, timeout=TIMEOUT)

    def found(self) -> list[dict]:
        """Galaxies of the sample's fields, each once."""
        path, asked = self.kept / "found.json", [self.sample.constraints, self.sample.fields]
        if (before := read_json(path)).get("asked") != asked:
            found = {}
            names = ["sparcl_id", "targetid", "ra", "dec", "redshift"]
            for field in self.sample.fields:
                search = [[name, *values] for name, values in (self.sample.constraints | field).items()]
                for one in self._sparcl(f"find/?limit={FOUND}", {"outfields": names, "search": search}, names):
                    targetid = int(one["targetid"])
                    found[targetid] = one | {"targetid": targetid}
            before = {"asked": asked, "found": [found[targetid] for targetid in sorted(found)]}
            write_json(path, before)
        return before["found"]

    def spectra(self, objects: list[dict]) -> dict[int, Spectra]:
        """Spectra by TARGETID; those that show too little are left out."""
        paths = {one["targetid"]: self.kept / f"{one['targetid']}.npz" for one in objects}
        missing = {one["sparcl_id"]: one["targetid"] for one in objects if not paths[one["targetid"]].exists()}
        if missing:
            release = ",".join(self.sample.constraints.get("data_release", []))
            names = ["sparcl_id", "flux", "ivar", "wavelength"]
            what = f"spectras/?include={','.join(names)}&format=json&dataset_list={release}"
            for record in self._sparcl(what, list(missing), names):
                if (targetid := missing.get(str(record["sparcl_id"]))) is not None:
                    part = paths[targetid].with_suffix(".part")
                    with part.open("wb") as file:
                        np.savez(file, **{name: np.array(record[name], float) for name in names[1:]})
                    part.replace(paths[targetid])
        spectra = {}
        for one in objects:
            targetid, where = one["targetid"], f"TARGETID {one['targetid']}"
            try:
                with np.load(paths[targetid]) as file:
                    spectra[targetid] = spectra_of_arrays(
                        file["flux"][None], file["wavelength"], file["ivar"][None], redshift=[one["redshift"]], name=[targetid], where=where
                    )  # fmt: skip
            except FileNotFoundError:
                self.left_out[targetid] = "SPARCL found the galaxy and did not return its spectrum"
            except BookError as error:
                self.left_out[targetid] = str(error)
        return spectra

    def image(self, one: dict) -> Images | None:
        """The cut-out of a galaxy, None if it is left out: not there, seen in part, or too faint."""
        path = self.kept / f"{one['targetid']}.fits"
        if not path.exists():
            answer = self._ask("GET", f"{self.sample.images}?ra={one['ra']}&dec={one['dec']}&{REQUEST}", patient=True)
            if answer is None or answer.status != 200 or not answer.data.startswith(b"SIMPLE"):
                said = "nothing" if answer is None else f"{answer.status}, {answer.data[:200]!r}"
                self.left_out[one["targetid"]] = f"the cut-out service answers {said}"
                return None
            path.with_suffix(".part").write_bytes(answer.data)
            path.with_suffix(".part").replace(path)
        try:
            image = read_cutout(path)
        except BookError as error:
            self.left_out[one["targetid"]] = str(error)
            return None
        inside = np.hypot(*(np.indices((IMAGE_SIZE, IMAGE_SIZE)) - (IMAGE_SIZE - 1) / 2)) < RADIUS
        light = max(image.images[0, ..., BANDS.index("r")][inside].sum(), 1e-9)
        one["r"] = round(float(22.5 - 2.5 * np.log10(light)), 3)
        if one["r"] > self.sample.faintest:
            self.left_out[one["targetid"]] = f"r = {one['r']:.2f}, fainter than {self.sample.faintest}"
            return None
        return image

    def _sparcl(self, what: str, body, names: list[str]) -> list[dict]:
        """These fields of SPARCL's records; BookError where it refuses, or answers otherwise than documented."""
        answer = self._ask("POST", f"{self.sample.spectra}/api/{what}", json=body)
        try:
            header, *records = json.loads(answer.data)
            if answer.status != 200 or not isinstance(header, dict):
                raise ValueError("no list of a header and records")
            return [{name: record[name] for name in names} for record in records]
        except (ValueError, TypeError, KeyError) as error:
            told = f"{answer.status}, {answer.data[:300]!r}"
            raise BookError(
                f"{self.sample.spectra} refuses {what}, or answers in another form ({error}): {told}"
            ) from error

    def _ask(self, method: str, address: str, patient: bool = False, **body) -> urllib3.BaseHTTPResponse | None:
        """An answer, after some patience. A ``patient`` caller gets None where there is none, but not `DOWN` times in a row."""
        time.sleep(self.sample.pause)
        try:
            answer, self.failed = self.http.request(method, address, **body), 0
            return answer
        except urllib3.exceptions.HTTPError as error:
            self.failed += 1
            if patient and self.failed < DOWN:
                return None
            kept = f"What has arrived is kept in {self.kept}: run the same command again later."
            raise BookError(f"{address} does not answer ({error}). {kept}") from error
