// Small pieces of the page. Text from files goes in as text, never as markup.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (tag === "button") made.type = "button"; // by default it would submit
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function thumbnail(data, row, label) {
  const { columns } = data.sheets, place = row % columns ** 2;
  const said = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  const image = element("span", { class: row < data.count ? "ex-thumbnail" : "ex-thumbnail ex-real", ...said });
  image.style.backgroundImage = `url(${sheetAddress(data, Math.floor(row / columns ** 2))})`;
  image.style.backgroundSize = `${100 * columns}%`;
  const percent = (step) => `${(100 * step) / (columns - 1)}%`;
  image.style.backgroundPosition = `${percent(place % columns)} ${percent(Math.floor(place / columns))}`;
  return image;
}

// A spectrum with its lines marked where its redshift puts them. Without labels it is a picture for a small button. Another
// galaxy's spectrum lies under it, shifted to the same redshift, so that their lines coincide.
function spectrumDrawing(data, row, { width, height, labelled, other = null }) {
  const { bins, first, step, low, high } = data.spectra;
  const left = labelled ? 34 : 2, right = width - 2, top = labelled ? 26 : 3, bottom = height - (labelled ? 30 : 3);
  const last = first + step * (bins - 1);
  const across = (wavelength) => left + ((wavelength - first) / (last - first)) * (right - left);
  const up = (level) => bottom - (level / 255) * (bottom - top);
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "ex-drawing" });
  const ends = [-Infinity, -Infinity]; // of the names in the lower and the upper row above the spectrum
  for (const { name, rest, absorbed } of data.lines) {
    const observed = rest.map((wavelength) => wavelength * (1 + data.redshift[row]));
    const middle = observed.reduce((sum, wavelength) => sum + wavelength, 0) / observed.length;
    if (middle < first || middle > last) continue;
    for (const wavelength of observed) {
      const x = across(wavelength).toFixed(1);
      drawing.append(shape("line", { x1: x, x2: x, y1: top - 2, y2: bottom, class: absorbed ? "ex-line ex-absorbed" : "ex-line" }));
    }
    if (!labelled) continue;
    const half = 3.5 * name.length;
    const x = Math.min(Math.max(across(middle), left + half), right - half);
    const level = ends.findIndex((end) => x - half > end);
    if (level < 0) continue; // a name that would print over others is left out, its line is not
    ends[level] = x + half;
    drawing.append(shape("text", { x, y: level ? 10 : 22, class: "ex-mark", "text-anchor": "middle" }, name));
  }
  const flux = (one, stretch, name) => {
    const points = [];
    for (let bin = 0; bin < bins; bin++) {
      const wavelength = (first + bin * step) * stretch;
      if (wavelength < first || wavelength > last) continue;
      points.push(`${across(wavelength).toFixed(1)},${up(data.levels[one * bins + bin]).toFixed(1)}`);
    }
    drawing.append(shape("polyline", { points: points.join(" "), class: name }));
  };
  if (other !== null) flux(other, (1 + data.redshift[row]) / (1 + data.redshift[other]), "ex-other");
  flux(row, 1, "ex-flux");
  if (!labelled) {
    drawing.setAttribute("aria-hidden", "true");
    return drawing;
  }
  drawing.append(shape("path", { d: `M${left} ${top}V${bottom}H${right}`, class: "ex-axis" }));
  for (let wavelength = 4000; wavelength <= last; wavelength += 2000) {
    drawing.append(shape("text", { x: across(wavelength), y: bottom + 13, "text-anchor": "middle" }, `${wavelength}`));
  }
  drawing.append(
    shape("text", { x: (left + right) / 2, y: height - 4, "text-anchor": "middle" }, "observed wavelength (Å)"),
    shape("text", { x: left - 4, y: top + 8, "text-anchor": "end" }, formatted(high[row])),
    shape("text", { x: left - 4, y: bottom, "text-anchor": "end" }, formatted(low[row])),
  );
  const beside = other === null ? "" : `; over that of ${title(data, other)}, shifted to this redshift`;
  return described(drawing, `Spectrum of ${title(data, row)}, lines marked at redshift ${formatted(data.redshift[row])}${beside}`);
}

function described(drawing, text) {
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", text);
  return drawing;
}

// p(z) from image and from spectrum, each to its peak, and the true redshift, of a real galaxy the measured one.
function redshiftDrawing(data, row, { width, height }) {
  const { bins, highest } = data.pz, top = 16, bottom = height - 28, left = 4, right = width - 8;
  const across = (z) => left + (z / highest) * (right - left);
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "ex-drawing" });
  for (const name of MODALITIES) {
    let outline = `M${left} ${bottom}`;
    for (let bin = 0; bin < bins; bin++) {
      const y = (bottom - (data.distributions[name][row * bins + bin] / 255) * (bottom - top)).toFixed(1);
      outline += `L${across((bin * highest) / bins).toFixed(1)} ${y}L${across(((bin + 1) * highest) / bins).toFixed(1)} ${y}`;
    }
    drawing.append(shape("path", { d: `${outline}L${right} ${bottom}`, class: `ex-pz ex-pz-${name}` }));
  }
  const z = data.redshift[row], x = across(z), [word, half] = row < data.count ? ["true", 28] : ["measured", 56];
  const known = `${word} ${formatted(z)}`;
  drawing.append(
    shape("line", { x1: x, x2: x, y1: top - 2, y2: bottom, class: "ex-truth" }),
    shape("text", { x: Math.min(Math.max(x, half), right - 22), y: 11, "text-anchor": "middle" }, known),
    shape("path", { d: `M${left} ${bottom}H${right}`, class: "ex-axis" }),
    shape("text", { x: (left + right) / 2, y: height - 3, "text-anchor": "middle" }, "redshift z"),
  );
  for (let tick = 0; tick <= highest; tick += highest > 0.5 ? 0.2 : 0.1) {
    drawing.append(shape("text", { x: Math.max(across(tick), 9), y: bottom + 12, "text-anchor": "middle" }, tick.toFixed(1)));
  }
  const means = MODALITIES.map((name) => `mean ${formatted(data.pz[name].mean[row])} from its ${name}`).join(", ");
  return described(drawing, `Distribution of redshifts: ${means}; ${known}`);
}

// Shares of all galaxies, filled, and of the chosen ones, as a line, in the same bins.
function histogram(values, chosen) {
  const sorted = knownSorted(values);
  const low = quantile(sorted, 0.005), high = quantile(sorted, 0.995);
  const bins = 24, width = 240, height = 90;
  const shares = (some) => {
    const counts = new Array(bins).fill(0);
    for (const value of some) {
      const bin = Math.floor(((value - low) / (high - low || 1)) * bins);
      counts[Math.min(Math.max(bin, 0), bins - 1)] += 1 / some.length;
    }
    return counts;
  };
  const all = shares(sorted), some = shares(chosen);
  const peak = Math.max(...all, ...some);
  const x = (bin) => ((bin * width) / bins).toFixed(1), y = (share) => (height - (share / peak) * (height - 6)).toFixed(1);
  const outline = (counts) => counts.map((share, bin) => `L${x(bin)} ${y(share)}L${x(bin + 1)} ${y(share)}`).join("");
  return {
    low,
    high,
    drawing: shape(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, class: "ex-histogram", "aria-hidden": "true" },
      shape("path", { d: `M0 ${height}${outline(all)}L${width} ${height}Z`, class: "ex-all" }),
      shape("path", { d: `M0 ${height}${outline(some)}L${width} ${height}`, class: "ex-chosen" }),
    ),
  };
}
