// Colours of a property, a label or a group, and the key to them.

function choices(data) {
  const of = (columns, kind) => columns.map((column) => ({ ...column, kind }));
  return [...of(data.numbers, "number"), ...of(data.labels, "label")];
}

const RARE = 0.05; // share of galaxies below which a label is drawn larger

// Colours and sizes of all galaxies, and their order of drawing: what stands back first, rare labels last.
function colourer(data, choice) {
  const { scale, groups, plain } = data.colours, base = data.count > 1500 ? 6 : data.count > 400 ? 8 : 10;
  const rows = [...Array(data.count).keys()];
  if (choice.kind === "label") {
    const number = choice.names.map((_, code) => choice.codes.filter((one) => one === code).length);
    const back = choice.names.map((_, code) => choice.plain.includes(code));
    const colours = choice.names.map((_, code) => (back[code] ? plain : groups[code % groups.length]));
    const rank = number.map((n, code) => (back[code] ? Infinity : n));
    const sizes = number.map((n, code) => (!back[code] && n < RARE * data.count ? 1.7 : 1) * base);
    return {
      colours: choice.codes.map((code) => colours[code]), names: colours, sizes: choice.codes.map((code) => sizes[code]),
      order: rows.sort((a, b) => rank[choice.codes[b]] - rank[choice.codes[a]] || a - b),
    };
  }
  const sorted = knownSorted(choice.all);
  const low = quantile(sorted, 0.01), high = quantile(sorted, 0.99);
  const colours = choice.values.map((value) => {
    if (value === null) return plain;
    const share = Math.min(Math.max((value - low) / (high - low || 1), 0), 1);
    return scale[Math.round(share * (scale.length - 1))];
  });
  const order = rows.sort((a, b) => (choice.values[a] !== null) - (choice.values[b] !== null) || a - b);
  return { colours, low, high, order, sizes: colours.map(() => base) };
}

// The key, with buttons that choose galaxies as a lasso would, for those who cannot draw one: either end of the numbers,
// or a label.
function legend(data, choice, { low, high, names }, choose) {
  if (choice.kind === "number") {
    const unknown = choice.all.filter((value) => value === null).length;
    const tenth = (name, share) => {
      const limit = quantile(knownSorted(choice.all), share), sign = share < 0.5 ? 1 : -1;
      const within = (value) => value !== null && sign * (value - limit) <= 0;
      const rows = choice.all.flatMap((value, row) => (within(value) ? [row] : []));
      return element("button", { onclick: () => choose(rows, `${choice.label}, ${name}`) }, name);
    };
    const bar = element("span", { class: "ex-bar", "aria-hidden": "true" });
    bar.style.background = `linear-gradient(to right, ${data.colours.scale.join(", ")})`;
    return [
      element("span", {}, `${choice.label}: ${formatted(low)}`), bar, element("span", {}, formatted(high)),
      tenth("lowest tenth", 0.1), tenth("highest tenth", 0.9),
      unknown ? element("span", {}, `grey: unknown of ${unknown}`) : null,
    ].filter(Boolean);
  }
  return choice.names.map((name, code) => {
    const rows = choice.codes.flatMap((one, row) => (one === code ? [row] : []));
    const dot = element("span", { class: "ex-dot", "aria-hidden": "true" });
    dot.style.background = names[code];
    const press = () => choose(rows, `${choice.label}: ${name}`);
    return element("button", { onclick: press }, dot, `${name} (${rows.length})`);
  });
}
