// The explorer itself: what is shown, what is selected, and who tells whom.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

async function explore(root) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  if (typeof explorerData === "undefined" || typeof Bokeh === "undefined") {
    part("status").textContent = "The data of the explorer are not beside this page: open it in the rendered book.";
    return;
  }
  const data = unpack(explorerData);
  part("app").hidden = false; // before the map is drawn, which must know its size
  const map = await drawMap(data, part("plot"));
  const coloured = choices(data);
  const spaces = Object.keys(data.maps);
  const state = { space: spaces.at(-1), choice: coloured[0], selected: null, found: [], chosen: [], pointed: null };

  function theme(name) {
    return getComputedStyle(root).getPropertyValue(name).trim();
  }

  function paint() {
    const colours = colourer(data, state.choice);
    map.show(data.maps[state.space], colours.colours);
    part("legend").replaceChildren(...legend(data, state.choice, colours, choose));
  }

  function ring() {
    const accent = theme("--ex-accent"), text = theme("--ex-text");
    const marks = state.found.map((row) => ({ row, size: 13, colour: accent, width: 2 }));
    if (state.selected !== null) marks.push({ row: state.selected, size: 20, colour: text, width: 3.5 });
    if (state.pointed !== null) marks.push({ row: state.pointed, size: 17, colour: text, width: 2 });
    map.ring(marks);
  }

  function select(row, linked = true) {
    const ways = fourWays(data, row, data.neighbours);
    state.selected = row;
    state.found = [...new Set(ways.flatMap(({ found }) => found.map((one) => one.row)))];
    state.pointed = null;
    part("card").hidden = true;
    part("detail").replaceChildren(...detail(data, row));
    const goOn = (other) => { select(other); goTo("nearest"); };
    part("results").replaceChildren(...results(data, row, ways, { select: goOn, point }));
    part("of").textContent = title(data, row);
    const redshift = formatted(data.redshift[row]);
    say(`Selected: ${title(data, row)}, redshift ${redshift}; ${data.neighbours} nearest found in each direction.`);
    map.reveal(row);
    ring();
    if (linked) history.replaceState(null, "", `#galaxy=${data.ids[row]}`);
  }

  // What was pressed to select may be gone, or far from what it changed: eyes and keyboard go on from a heading.
  function goTo(name) {
    const heading = part(name).querySelector("h2");
    heading.tabIndex = -1;
    heading.focus();
  }

  function point(row) {
    state.pointed = row;
    ring();
  }

  function choose(rows, name) {
    state.chosen = rows;
    map.choose(rows);
    const clear = () => { choose([], ""); part("map").focus(); };
    const show = (row) => { select(row); goTo("detail"); };
    const panel = rows.length ? selection(data, rows, name, { select: show, clear }) : [];
    part("selection").replaceChildren(...panel);
    say(rows.length ? `${name}: ${rows.length} galaxies.` : "No selection.");
  }

  function say(text) {
    part("status").textContent = text;
  }

  function follow() {
    const asked = /^#galaxy=(.+)$/.exec(location.hash);
    if (!asked) return false;
    const id = decodeURIComponent(asked[1]), row = data.rows.get(id);
    if (row === undefined) say(`There is no galaxy ${id} among the ${data.count} shown here.`);
    else select(row);
    return row !== undefined;
  }

  function lay(space) {
    state.space = space;
    paint();
    map.fit();
    ring();
    part("map").setAttribute("aria-label", `${space} map of ${data.count} galaxies`);
  }

  function hover(event) {
    const row = map.at(event.x, event.y, REACH.mouse), shown = part("card");
    if (row === state.pointed) return;
    point(row);
    shown.hidden = row === null;
    if (row === null) return;
    shown.replaceChildren(...card(data, row));
    const [x, y] = map.pixel(row), { clientWidth: width, clientHeight: height } = part("map");
    shown.style.left = `${Math.min(Math.max(x - shown.offsetWidth / 2, 0), Math.max(width - shown.offsetWidth, 0))}px`;
    shown.style.top = y > height / 2 ? `${y - shown.offsetHeight - 16}px` : `${y + 16}px`;
  }

  function away() {
    part("card").hidden = true;
    point(null);
  }

  function press(event) {
    const direction = ARROWS[event.key];
    const act = {
      "+": () => map.zoom(0.7), "=": () => map.zoom(0.7), "-": () => map.zoom(1 / 0.7), 0: () => map.fit(),
      Enter: () => (state.selected === null ? select(map.at(...map.middle)) : part("results").querySelector("button").focus()),
      Escape: () => { away(); if (state.chosen.length) choose([], ""); },
    }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!direction && !act)) return;
    event.preventDefault();
    event.stopPropagation(); // themes may turn pages by arrows
    if (act) return act();
    const row = state.selected === null ? map.at(...map.middle) : map.beside(state.selected, direction);
    if (row === null) say("No galaxy further in this direction.");
    else select(row);
  }

  function radios(name, options, chosen, change) {
    const radio = (option) => element("input",
      { type: "radio", name: `ex-${name}`, value: option, checked: option === chosen, onchange: () => change(option) });
    return element("fieldset", {}, element("legend", {}, name),
      ...options.map((option) => element("label", {}, radio(option), option)));
  }

  const recolour = (event) => { state.choice = coloured[event.target.value]; paint(); };
  const colour = element("select", { onchange: recolour },
    ...coloured.map(({ label }, place) => element("option", { value: place }, label)));
  const button = (text, title, onclick) =>
    element("button", { type: "button", "aria-label": title, title, onclick }, text);
  part("controls").append(
    radios("map", spaces, state.space, lay),
    element("label", {}, "colour ", colour),
    radios("drag", ["pan", "lasso"], "pan", (tool) => map.drag(tool)),
    element("span", { class: "ex-zoom" },
      button("+", "Zoom in", () => map.zoom(0.7)),
      button("−", "Zoom out", () => map.zoom(1 / 0.7)),
      button("⤢", "Show all", () => map.fit())),
  );

  map.plot.on_event("mousemove", hover);
  map.plot.on_event("mouseleave", away);
  map.plot.on_event("tap", (event) => {
    const row = map.at(event.x, event.y, REACH.touch);
    if (row !== null) select(row);
  });
  map.plot.on_event("selectiongeometry", (event) => {
    if (event.final && event.geometry.type === "poly") choose([...map.galaxies.selected.indices], "Lasso");
  });
  part("map").addEventListener("keydown", press);
  const meant = (event) => event.ctrlKey || event.metaKey || part("map").contains(document.activeElement);
  const pass = (event) => { if (!meant(event)) event.stopPropagation(); }; // a wheel that scrolls the page across the map
  part("map").addEventListener("wheel", pass, { capture: true });
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") away(); });
  window.addEventListener("hashchange", () => { if (follow()) goTo("detail"); });
  const dress = () => { map.dress(theme("--ex-text"), theme("--ex-ground")); ring(); };
  new MutationObserver(dress).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

  lay(state.space);
  dress();
  growTable(data, part("table"));
  if (follow()) root.scrollIntoView();
  else if (!location.hash.startsWith("#galaxy=")) select(0, false);
  root.dataset.ready = "true";
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".explorer").forEach(explore));
