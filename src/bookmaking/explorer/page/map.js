// The map, drawn by Bokeh: where galaxies lie, which one is near a place, what is ringed.

const REACH = { mouse: 14, touch: 26 }; // pixels from a galaxy within which it is meant
const SHAPE = [0.6, 1.25]; // the flattest map and the tallest, height by width

async function drawMap(data, place) {
  await Bokeh.embed.embed_item({ ...data.figure, target_id: place.id });
  const found = Bokeh.documents.map((one) => one.get_model_by_name("map")).find((plot) => plot !== null);
  const named = (name) => found.document.get_model_by_name(name);
  return new GalaxyMap(found, named, place);
}

class GalaxyMap {
  constructor(plot, named, place) {
    this.plot = plot;
    this.place = place;
    [this.galaxies, this.rings, this.drawn] = ["galaxies", "rings", "drawn"].map(named);
    [this.pan, this.lasso] = ["pan", "lasso"].map(named);
    [this.across, this.up] = ["across", "up"].map(named);
  }

  show(points, colours) {
    this.points = points;
    this.galaxies.data = { x: points.x, y: points.y, colour: colours };
  }

  // Bring all galaxies into view, in a frame of about their shape.
  fit() {
    const [x, y] = [this.points.x, this.points.y].map((values) => [Math.min(...values), Math.max(...values)]);
    const wide = x[1] - x[0] || 1, high = y[1] - y[0] || 1;
    this.shape = Math.min(Math.max(high / wide, SHAPE[0]), SHAPE[1]);
    this.place.style.aspectRatio = 1 / this.shape;
    this.look((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 0.53 * Math.max(wide, high / this.shape));
  }

  // Centre on a place; ``half`` the width of what is seen, and in height as much as has the same scale.
  look(x, y, half) {
    this.across.setv({ start: x - half, end: x + half });
    this.up.setv({ start: y - half * this.shape, end: y + half * this.shape });
  }

  get half() {
    return (this.across.end - this.across.start) / 2;
  }

  get middle() {
    return [(this.across.start + this.across.end) / 2, (this.up.start + this.up.end) / 2];
  }

  zoom(factor) {
    this.look(...this.middle, this.half * factor);
  }

  // Bring a galaxy into view, if it is not.
  reveal(row) {
    const [x, y] = [this.points.x[row], this.points.y[row]];
    const inside = x > this.across.start && x < this.across.end && y > this.up.start && y < this.up.end;
    if (!inside) this.look(x, y, this.half);
  }

  // The galaxy nearest to a place, or null when it is farther than so many pixels.
  at(x, y, pixels = Infinity) {
    const reach = (pixels * 2 * this.half) / this.plot.inner_width;
    let best = null, least = Number.isFinite(reach) ? reach ** 2 : Infinity;
    for (let row = 0; row < this.points.x.length; row++) {
      const distance = (this.points.x[row] - x) ** 2 + (this.points.y[row] - y) ** 2;
      if (distance <= least) [best, least] = [row, distance];
    }
    return best;
  }

  // The nearest galaxy within 45 degrees of a direction, (1, 0) for the right; null at the edge.
  beside(row, [dx, dy]) {
    let best = null, least = Infinity;
    for (let other = 0; other < this.points.x.length; other++) {
      const x = this.points.x[other] - this.points.x[row], y = this.points.y[other] - this.points.y[row];
      const along = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
      if (along <= 0 || aside > along) continue;
      const distance = x ** 2 + y ** 2;
      if (distance < least) [best, least] = [other, distance];
    }
    return best;
  }

  // Rings: [{row, size, colour, width}].
  ring(marks) {
    const column = (name) => marks.map((mark) => mark[name]);
    this.rings.data = {
      x: marks.map(({ row }) => this.points.x[row]), y: marks.map(({ row }) => this.points.y[row]),
      size: column("size"), colour: column("colour"), width: column("width"),
    };
  }

  choose(rows) {
    this.galaxies.selected.indices = rows;
  }

  drag(tool) {
    this.pan.active = tool === "pan";
    this.lasso.active = tool === "lasso";
  }

  // Outlines keep pale colours apart from a light page and dark ones from a dark page. The ground is painted and not left
  // open, as what stood at the edge before a move would stay there.
  dress(ink, ground) {
    const { glyph, selection_glyph: chosen, nonselection_glyph: others } = this.drawn;
    for (const one of [glyph, chosen, others]) one.line_color = ink;
    this.plot.setv({ background_fill_color: ground, border_fill_color: ground });
  }

  // Where galaxy ``row`` is drawn, in pixels from the corner of the figure.
  pixel(row) {
    const share = (value, range) => (value - range.start) / (range.end - range.start);
    const { inner_width: width, inner_height: height, min_border: border } = this.plot;
    return [border + share(this.points.x[row], this.across) * width, border + (1 - share(this.points.y[row], this.up)) * height];
  }
}
