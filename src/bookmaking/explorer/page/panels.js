// One galaxy, what it found, and what many have in common.

const GALLERY = 40; // thumbnails of a selection

function title(data, row) {
  return `${row < data.count ? "" : "real "}galaxy ${data.ids[row]}`;
}

function properties(data, row) {
  const words = [
    ...data.numbers.map(({ label, values }) => [label, formatted(values[row])]),
    ...data.labels.map(({ label, names, codes }) => [label, names[codes[row]] ?? "unknown"]),
  ];
  return element("dl", { class: "ex-properties" },
    ...words.filter(([, value]) => row < data.count || value !== "unknown").map(([label, value]) =>
      element("div", {}, element("dt", {}, label), element("dd", {}, value))));
}

function likeness(data, row) {
  const width = Math.round(data.sheets.width);
  return element("figure", {}, thumbnail(data, row, `Image of ${title(data, row)}, ${width} arcsec wide`),
    element("figcaption", {}, `${width}″ wide`));
}

// A galaxy, and the spectrum of another to compare.
function galaxy(data, row, other, heading) {
  const told = MODALITIES.map((name) => element("span", { class: `ex-key-${name}` }, ` ${name}: ${formatted(data.pz[name].mean[row])} `));
  const under = other === null ? null : element("span", { class: "ex-key-other" },
    ` thin: ${title(data, other)}, z ${formatted(data.redshift[other])}, shifted and scaled`);
  return [
    element("div", { class: "ex-row" }, heading,
      element("a", { href: `#galaxy=${data.ids[row]}` }, "link")),
    element("div", { class: "ex-looks" }, likeness(data, row),
      element("figure", {}, redshiftDrawing(data, row, { width: 300, height: 140 }),
        element("figcaption", {}, "p(z) of neighbours, each to its peak; mean from its", ...told))),
    element("figure", {}, spectrumDrawing(data, row, { width: 480, height: 190, labelled: true, other }),
      element("figcaption", {}, "flux in 10⁻¹⁷ erg s⁻¹ cm⁻² Å⁻¹, mean of 16 Å; dashed: absorption lines.", under)),
    properties(data, row),
  ];
}

// What a pointer on the map sees: the galaxy in short. A screen reader hears of the selected one instead.
function card(data, row) {
  const [redshift, ...others] = data.numbers;
  const known = [redshift, ...others.slice(0, 2)].map(({ label, values }) => `${label} ${formatted(values[row])}`);
  return [
    thumbnail(data, row), spectrumDrawing(data, row, { width: 260, height: 90, labelled: false }),
    element("div", {}, element("p", {}, title(data, row)), ...known.map((line) => element("p", {}, line))),
  ];
}

// A galaxy in a list, to be selected.
function item(data, row, label, select, attributes, ...children) {
  return element("li", {}, element("button",
    { "aria-label": label, "data-galaxy": data.ids[row], onclick: () => select(row), ...attributes }, ...children));
}

function results(data, ways, { select, compare, enter }) {
  return ways.map((way) => {
    const { asked, gallery, found } = way, list = element("ol", { class: "ex-found" });
    found.forEach(({ row: other, cosine }, rank) => {
      const small = { width: 84, height: 62, labelled: false };
      const shown = gallery === "image" ? thumbnail(data, other) : spectrumDrawing(data, other, small);
      const z = formatted(data.redshift[other]), cos = cosine === null ? [] : [`cosine ${formatted(cosine)}`];
      const said = [`${rank + 1}: ${title(data, other)}`, `redshift ${z}`, ...cos].join(", ");
      const look = () => compare(other, way);
      const more = { title: cos.join(""), onpointerenter: look, onfocus: look };
      list.append(item(data, other, said, select, more, shown, element("span", {}, `z ${z}`)));
    });
    return element("section", { "data-way": `${asked}_to_${gallery}`, onpointerenter: () => enter(way) },
      element("h3", {}, `${asked} → ${gallery}`), list);
  });
}

function selection(data, rows, name, { select, clear }) {
  const step = Math.max(1, rows.length / GALLERY), known = (values) => rows.some((row) => values[row] != null);
  const shown = Array.from({ length: Math.min(rows.length, GALLERY) }, (_, place) => rows[Math.floor(place * step)]);
  const label = (row) => `${title(data, row)}, redshift ${formatted(data.redshift[row])}`;
  const gallery = element("ol", { class: "ex-found ex-small" },
    ...shown.map((row) => item(data, row, label(row), select, {}, thumbnail(data, row))));
  const few = rows.length > shown.length ? ` Shown are ${shown.length} of them, at even steps through the file.` : "";
  return [
    element("h2", {}, `${name}: ${rows.length} of ${data.ids.length} galaxies`),
    element("p", {}, `Outlined, the selection; filled, all test galaxies.${few} `,
      element("button", { onclick: clear }, "Clear selection")),
    gallery,
    element("div", { class: "ex-many" }, ...data.numbers.filter(({ values }) => known(values)).map((column) => numberPanel(column, rows)),
      ...data.labels.filter(({ codes }) => known(codes)).map((column) => labelPanel(column, rows))),
  ];
}

function numberPanel({ label, values, all }, rows) {
  const chosen = knownSorted(rows.map((row) => values[row]));
  const { low, high, drawing } = histogram(all, chosen);
  return element("figure", {}, element("figcaption", {}, label), drawing,
    element("p", { class: "ex-ends" }, element("span", {}, formatted(low)), element("span", {}, formatted(high))),
    element("p", {}, `median ${formatted(quantile(chosen, 0.5))}, of all ${formatted(quantile(knownSorted(all), 0.5))}`));
}

function labelPanel({ label, names, codes }, rows) {
  const share = (some, code) => some.filter((one) => one === code).length / some.length;
  const chosen = rows.flatMap((row) => codes[row] ?? []);
  const table = element("table", {}, element("caption", {}, label),
    element("thead", {}, element("tr", {}, ...["", "selection", "all"].map((name) => element("th", { scope: "col" }, name)))));
  const percent = (value) => `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)}%`;
  names.forEach((name, code) => {
    const bar = element("td", { class: "ex-share" }, percent(share(chosen, code)));
    bar.style.setProperty("--share", `${100 * share(chosen, code)}%`);
    table.append(element("tr", {}, element("th", { scope: "row" }, name), bar, element("td", {}, percent(share(codes, code)))));
  });
  return element("figure", {}, table);
}
