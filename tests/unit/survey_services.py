"""A server on this machine that answers as SPARCL and the cut-out service of the Legacy Surveys are documented to, and misbehaves as told."""

import io
import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
from range_server import Handler, RangeServer

from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH, WAVELENGTH
from bookmaking.second import write_cutout

FIELDS = ("sparcl_id", "targetid", "ra", "dec", "redshift", "data_release", "spectype", "flux", "ivar", "wavelength")
RELEASE = "DESI-EDR"


class Surveys(RangeServer):
    """``n`` galaxies: a blob over noise, and a spectrum with a line. Some have a fault, by number."""

    def __init__(self, n: int, faint=(), edge=(), dark=(), nowhere=()):
        super().__init__(handler=_Surveys)
        rng, blob = np.random.default_rng(0), np.exp(-np.hypot(*(np.indices((IMAGE_SIZE, IMAGE_SIZE)) - 75.5)) / 5)
        self.nowhere, self.galaxies = set(nowhere), []
        for i in range(n):
            image = blob[..., None] * [0.3, 0.6, 0.9] * (0.01 if i in faint else 1)
            image = (image + rng.normal(0, 0.002, image.shape)).astype(np.float32)
            image[:, : 80 if i in edge else 0] = 0
            line = np.exp(-0.5 * ((np.arange(N_WAVELENGTH) - 100 * i) / 6) ** 2)
            flux = 1 + 5 * line + rng.normal(0, 0.3, N_WAVELENGTH)
            ivar = np.full(N_WAVELENGTH, 11.0, np.float32)
            ivar[: 4000 if i in dark else 10] = 0
            targetid = 39_000_000_000_000_000 + i
            values = f"uuid-{i}", targetid, 150 + i / n, 2.0, 0.02 + i / n / 3, RELEASE, "GALAXY"
            file, arrays = io.BytesIO(), (flux.round(3), ivar, WAVELENGTH.round(1))
            write_cutout(file, image)
            one = dict(zip(FIELDS, values + tuple(map(np.ndarray.tolist, arrays)), strict=True))
            self.galaxies.append(one | {"image": image, "fits": file.getvalue(), "number": i})


class _Surveys(Handler):
    def do_POST(self):
        self.sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    def answer(self, act):
        if "status" in act:
            return super().answer(act)
        asked = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(asked.query).items()}
        return {"/api/find/": self._find, "/api/spectras/": self._spectra, "/cutout": self._cutout}[asked.path](given)

    def _find(self, given):
        rules = self.sent["search"]
        found = [one for one in self.server.galaxies if all(self._fits(one, *rule) for rule in rules)]
        names = self.sent["outfields"]
        return self._records([{name: one[name] for name in names} for one in found[: int(given["limit"])]])

    def _spectra(self, given):
        assert given["dataset_list"] == RELEASE and given["format"] == "json"
        names, found = given["include"].split(","), self.server.galaxies[::-1]
        return self._records([{name: one[name] for name in names} for one in found if one["sparcl_id"] in self.sent])

    def _cutout(self, given):
        one = min(self.server.galaxies, key=lambda one: abs(one["ra"] - float(given["ra"])))
        wanted = {"layer": "ls-dr9", "pixscale": "0.262", "size": "152", "bands": "grz"}
        if one["number"] in self.server.nowhere or wanted.items() - given.items():
            return 404, b"no such place", {}
        return 200, one["fits"], {"Content-Type": "image/fits"}

    @staticmethod
    def _fits(one, name, *values):
        if name in ("ra", "dec", "redshift"):
            return values[0] <= one[name] <= values[1]
        return one[name] in values

    @staticmethod
    def _records(records):
        body = [{"status": {"success": True, "info": [], "warnings": []}}, *({"_dr": RELEASE} | one for one in records)]
        return 200, json.dumps(body).encode(), {}
