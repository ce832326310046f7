// The map, drawn by Bokeh: where galaxies lie, which one is near a place, what is ringed.

const REACH = { mouse: 14, touch: 26 }; // pixels from a galaxy within which it is meant
const PICTURES = 60; // galaxies in view, and no more than a quarter of all, for their images to be shown
const STAR = 18; // pixels, of a real galaxy
const APART = 58; // pixels between images
const STEPS = 20; // of a move from one map to another

async function drawMap(data, place) {
  await Bokeh.embed.embed_item({ ...data.figure, target_id: place.id });
  const found = Bokeh.documents.map((one) => one.get_model_by_name("map")).find((plot) => plot !== null);
  return new GalaxyMap(found, (name) => found.document.get_model_by_name(name), data);
}

class GalaxyMap {
  constructor(plot, named, data) {
    [this.plot, this.data] = [plot, data];
    [this.galaxies, this.rings, this.drawn] = ["galaxies", "rings", "drawn"].map(named);
    [this.pan, this.lasso] = ["pan", "lasso"].map(named);
    [this.across, this.up] = ["across", "up"].map(named);
    // One scale for both axes, whatever the shape of the frame.
    plot.properties.inner_width.change.connect(() => this.look(...this.middle, this.half));
    plot.properties.inner_height.change.connect(() => this.look(...this.middle, this.half));
  }

  // Galaxies of other colours, or at other places, to which they move. Real ones lie over all as stars.
  show(points, { colours, sizes, order }, moving = false) {
    const before = moving && !matchMedia("(prefers-reduced-motion: reduce)").matches ? this.points : null;
    const { real, colours: { plain } } = this.data, rows = [...order, ...real], of = (values) => rows.map((row) => values[row]);
    const unlike = (own, star) => [...order.map(own), ...real.map(() => star)];
    this.points = points;
    this.place = new Map(rows.map((row, index) => [row, index]));
    const still = this.still = {
      row: rows, colour: rows.map((row) => colours[row] ?? plain), size: unlike((row) => sizes[row], STAR),
      marker: unlike(() => "circle", "star"), edge: unlike(() => 0.5, 1.5),
    };
    let step = before ? 0 : STEPS;
    const draw = () => {
      if (this.still !== still) return; // colours or places changed meanwhile
      const share = 0.5 - 0.5 * Math.cos((Math.PI * step) / STEPS);
      const on = (axis) => (before ? points[axis].map((end, row) => before[axis][row] + share * (end - before[axis][row])) : points[axis]);
      const [x, y] = step < STEPS ? [on("x"), on("y")] : [points.x, points.y];
      this.galaxies.data = { ...still, x: of(x), y: of(y) };
      if (step++ < STEPS) requestAnimationFrame(draw);
    };
    draw();
  }

  get shape() {
    return this.plot.inner_height / this.plot.inner_width || 1;
  }

  // Bring all galaxies into view.
  fit() {
    const [x, y] = [this.points.x, this.points.y].map((values) => [Math.min(...values), Math.max(...values)]);
    this.look((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 0.53 * Math.max(x[1] - x[0], (y[1] - y[0]) / this.shape) || 1);
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

  // About a galaxy, if it is in view, or the middle.
  zoom(factor, row) {
    const fixed = this.sees(row) ? [this.points.x[row], this.points.y[row]] : this.middle;
    const [x, y] = this.middle.map((value, axis) => fixed[axis] + factor * (value - fixed[axis]));
    this.look(x, y, this.half * factor);
  }

  sees(row) {
    const x = this.points.x[row], y = this.points.y[row];
    return x > this.across.start && x < this.across.end && y > this.up.start && y < this.up.end;
  }

  // Bring a galaxy into view, if it is not.
  reveal(row) {
    if (!this.sees(row)) this.look(this.points.x[row], this.points.y[row], this.half);
  }

  // Galaxies in view that do not cover each other, those of ``first`` before others; none while there are too many.
  pictured(first) {
    const seen = [...this.points.x.keys()].filter((row) => this.sees(row)), shown = [];
    if (seen.length > Math.min(PICTURES, this.points.x.length / 4)) return [];
    for (const row of new Set([...first.filter((row) => this.sees(row)), ...seen])) {
      const [x, y] = this.pixel(row);
      if (shown.every((one) => Math.max(Math.abs(one.x - x), Math.abs(one.y - y)) > APART)) shown.push({ row, x, y });
    }
    return shown;
  }

  // The galaxy nearest to a place, or null when it is farther than so many pixels.
  at(x, y, pixels) {
    let best = null, least = ((pixels * 2 * this.half) / this.plot.inner_width) ** 2;
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
    this.galaxies.selected.indices = rows.map((row) => this.place.get(row));
  }

  get chosen() {
    return this.galaxies.selected.indices.map((index) => this.galaxies.data.row[index]).sort((a, b) => a - b);
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
