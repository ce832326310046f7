"""Pictures on pages: in a light format, with their sizes, loaded when a reader comes near, and legible on dark pages."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

# By builder, as what matplotlib's files are kept, and how wide in pixels: JPEG goes into a PDF as it is, all else is unpacked there.
FORMATS = {
    "html": (".webp", {"quality": 75, "method": 2}, 2000),
    "singlehtml": (".jpg", {"quality": 68, "optimize": True}, 1100),
}
IMAGE = re.compile(r'(<a [^>]*image-reference[^>]*>)?<img ([^>]*)src="([^"]*_images/)([^"]+)"([^>]*?) ?/>(?:</a>)?')


def convert(folder: Path, builder: str) -> None:
    """Write the PNG files of a folder in the format of a builder, and remove them."""

    def one(path: Path) -> None:
        suffix, options, width = FORMATS[builder]
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((width, picture.height))
        picture.save(path.with_suffix(suffix), **options)
        path.unlink()

    with ThreadPoolExecutor(2) as pool:  # the encoders run without Python's lock
        list(pool.map(one, folder.glob("*.png")))


def mend(body: str, builder: str, sources: dict[str, Path]) -> str:
    """The text of a page with its pictures as `convert` leaves them; ``sources`` has the path of each file in ``_images``.

    On a page, a picture is a link to its file, and a layer over it turns its lightness around where the page is dark, except for
    images of galaxies.
    """

    def one(found: re.Match) -> str:
        link, before, folder, name, after = found.groups()
        if link and folder not in link:  # it leads to a page
            return found[0]
        size, holes = "", []
        if name.endswith(".png"):
            with Image.open(sources[name]) as image:
                size = ' width="{}" height="{}"'.format(*image.size)
                holes = json.loads(image.info.get("Photographs", "[]"))
            name = name.removesuffix(".png") + FORMATS[builder][0]
        address = folder + name
        if builder == "singlehtml":
            return f'<img {before}src="{address}"{after}{size}/>'
        return (f'<a class="picture" href="{address}"><img class="dark-light" loading="lazy" {before}src="{address}"{after}{size}/>'
                f'<span class="night"{_around(holes)}></span></a>')  # fmt: skip

    return IMAGE.sub(one, body)


def _around(holes: list[list[float]]) -> str:
    """Style of a layer with rectangular holes: one line from the corner around each of them and back."""
    if not holes:
        return ""
    corners = ["0 0", "100% 0", "100% 100%", "0 100%", "0 0"]
    for left, top, right, bottom in holes:
        places = (left, top), (right, top), (right, bottom), (left, bottom), (left, top)
        corners += [*(f"{100 * x:.4g}% {100 * y:.4g}%" for x, y in places), "0 0"]
    return f' style="clip-path: polygon(evenodd, {", ".join(corners)})"'
