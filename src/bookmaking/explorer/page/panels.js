// One galaxy, what it found, and what many have in common.

const GALLERY = 40; // thumbnails of a selection

function title(data, row) {
  return `galaxy ${data.ids[row]}`;
}

function properties(data, row) {
  const list = element("dl", { class: "ex-properties" });
  for (const { label, values } of data.numbers) {
    list.append(element("dt", {}, label), element("dd", {}, formatted(values[row])));
  }
  for (const { label, names, codes } of data.labels) list.append(element("dt", {}, label), element("dd", {}, names[codes[row]]));
  return list;
}

function detail(data, row) {
  const width = Math.round(data.sheets.width);
  return [
    element("h2", {}, title(data, row)),
    element("div", { class: "ex-looks" },
      element("figure", {}, thumbnail(data, row, `Image of galaxy ${data.ids[row]}, ${width} arcsec wide`),
        element("figcaption", {}, `${width}″ wide`)),
      element("figure", {}, spectrumDrawing(data, row, { width: 340, height: 170, labelled: true }),
        element("figcaption", {}, "flux in 10⁻¹⁷ erg s⁻¹ cm⁻² Å⁻¹, mean of 16 Å"))),
    properties(data, row),
    element("p", {}, element("a", { href: `#galaxy=${data.ids[row]}` }, "Link to this galaxy")),
  ];
}

// What a pointer on the map sees: the galaxy in short. A screen reader hears of the selected one instead.
function card(data, row) {
  const [redshift, ...others] = data.numbers;
  const known = [redshift, ...others.slice(0, 2)].map(({ label, values }) => `${label} ${formatted(values[row])}`);
  return [
    thumbnail(data, row),
    element("div", {}, spectrumDrawing(data, row, { width: 260, height: 116, labelled: true }),
      ...known.map((line) => element("p", {}, line)), element("p", {}, title(data, row))),
  ];
}

function results(data, row, ways, { select, point }) {
  return ways.map(({ asked, gallery, found }) => {
    const list = element("ol", { class: "ex-found" });
    found.forEach(({ row: other, cosine }, rank) => {
      const small = { width: 84, height: 62, labelled: false };
      const shown = gallery === "image" ? thumbnail(data, other) : spectrumDrawing(data, other, small);
      const [z, cos] = [formatted(data.redshift[other]), formatted(cosine)];
      list.append(element("li", {}, element("button",
        { type: "button", "aria-label": `${rank + 1}: ${title(data, other)}, redshift ${z}, cosine ${cos}`,
          "data-galaxy": data.ids[other], onclick: () => select(other), onpointerenter: () => point(other),
          onfocus: () => point(other), onpointerleave: () => point(null), onblur: () => point(null) },
        shown, element("span", {}, `z ${z}`), element("span", {}, `cos ${cos}`))));
    });
    return element("section", { "data-way": `${asked}_to_${gallery}` }, element("h3", {}, `${asked} → ${gallery}`), list);
  });
}

function selection(data, rows, name, { select, clear }) {
  const step = Math.max(1, rows.length / GALLERY);
  const shown = Array.from({ length: Math.min(rows.length, GALLERY) }, (_, place) => rows[Math.floor(place * step)]);
  const gallery = element("ol", { class: "ex-found ex-small" }, ...shown.map((row) =>
    element("li", {}, element("button",
      { type: "button", "aria-label": `${title(data, row)}, redshift ${formatted(data.redshift[row])}`,
        "data-galaxy": data.ids[row], onclick: () => select(row) },
      thumbnail(data, row)))));
  const few = rows.length > shown.length ? ` Shown are ${shown.length} of them, at even steps through the file.` : "";
  return [
    element("h2", {}, `${name}: ${rows.length} of ${data.count} galaxies`),
    element("p", {}, `Outlined, the selection; filled, all galaxies.${few} `,
      element("button", { type: "button", onclick: clear }, "Clear selection")),
    gallery,
    element("div", { class: "ex-histograms" }, ...data.numbers.map((column) => numberPanel(column, rows)),
      ...data.labels.map((column) => labelPanel(column, rows))),
  ];
}

function numberPanel({ label, values }, rows) {
  const chosen = knownSorted(rows.map((row) => values[row]));
  const { low, high, drawing } = histogram(values, chosen);
  const middle = chosen.length ? formatted(quantile(chosen, 0.5)) : "unknown";
  return element("figure", {}, element("figcaption", {}, label), drawing,
    element("p", { class: "ex-ends" }, element("span", {}, formatted(low)), element("span", {}, formatted(high))),
    element("p", {}, `median ${middle}, of all ${formatted(quantile(knownSorted(values), 0.5))}`));
}

function labelPanel({ label, names, codes }, rows) {
  const share = (some, code) => some.filter((one) => one === code).length / some.length;
  const chosen = rows.map((row) => codes[row]);
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
