// The explorer itself: what is shown, what is selected, and who tells whom.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const VIEWS = { galaxy: "Galaxy", selection: "Selection", guess: "Guess the redshift" };

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
  const state = {
    space: "joint", before: false, choice: coloured[0], selected: null, compared: null, ways: [], way: null, chosen: [], pointed: null,
  };

  function theme(name) {
    return getComputedStyle(root).getPropertyValue(name).trim();
  }

  function paint(moving = false) {
    const colours = colourer(data, state.choice);
    map.show(state.before ? data.before[state.space].map : data.maps[state.space], colours, moving);
    map.choose(state.chosen);
    state.colours = colours.colours;
    part("legend").replaceChildren(...legend(data, state.choice, colours, choose));
    if (data.real.length) {
      part("legend").append(element("button", { onclick: () => choose(data.real, "Real galaxies") },
        element("span", { "aria-hidden": "true" }, "★ "), `real galaxies (${data.real.length})`));
    }
    picture();
  }

  function ring() {
    const accent = theme("--ex-accent"), text = theme("--ex-text");
    const marks = (state.way?.found ?? []).map(({ row }) => ({ row, size: 12, colour: accent, width: 1.5 }));
    if (state.selected !== null) marks.push({ row: state.selected, size: 20, colour: text, width: 3.5 });
    if (state.pointed !== null) marks.push({ row: state.pointed, size: 17, colour: text, width: 2 });
    map.ring(marks);
  }

  function picture() {
    const first = [state.pointed, state.selected, ...(state.way?.found ?? []).map(({ row }) => row)].filter((row) => row !== null);
    part("pictures").replaceChildren(...map.pictured(first).map(({ row, x, y }) => {
      const one = thumbnail(data, row);
      Object.assign(one.style, { left: `${x}px`, top: `${y}px`, borderColor: state.colours[row] });
      return one;
    }));
  }

  function view(name) {
    for (const one of Object.keys(VIEWS)) part(one).hidden = one !== name;
    for (const button of part("views").children) button.setAttribute("aria-pressed", button.value === name);
    if (name === "guess" && !part("guess").hasChildNodes()) ask();
  }

  function draw() {
    const heading = element("h2", {}, title(data, state.selected));
    part("galaxy").replaceChildren(...galaxy(data, state.selected, state.compared, heading));
  }

  function search() {
    state.ways = allWays(data, state.selected, data.neighbours, state.before);
    const goOn = (other) => { select(other); goTo("nearest"); };
    part("results").replaceChildren(...results(data, state.ways, { select: goOn, compare, enter }));
    enter(state.ways.find(({ asked, gallery }) => asked === "image" && gallery === "spectrum") ?? state.ways[0]);
    state.compared = state.way.found[0].row;
    draw();
  }

  // A direction whose galaxies are ringed.
  function enter(way) {
    state.way = way;
    for (const one of part("results").children) one.toggleAttribute("data-marked", one.dataset.way === `${way.asked}_to_${way.gallery}`);
    ring();
  }

  function compare(other, way) {
    enter(way);
    point(other);
    if (other === state.compared) return;
    state.compared = other;
    draw();
  }

  function select(row, linked = true) {
    state.selected = row;
    state.pointed = null;
    part("dock").hidden = true;
    search();
    view("galaxy");
    part("of").textContent = title(data, row) + (row < data.count ? "" : ", among the test galaxies");
    say(`Selected: ${title(data, row)}, redshift ${formatted(data.redshift[row])}; ${data.neighbours} nearest found in each direction.`);
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

  function open(row) {
    select(row);
    goTo("galaxy");
  }

  function point(row) {
    state.pointed = row;
    ring();
    part("dock").hidden = row === null;
    if (row !== null) part("dock").replaceChildren(...card(data, row));
  }

  function choose(rows, name) {
    state.chosen = rows;
    map.choose(rows);
    const clear = () => { choose([], ""); part("map").focus(); };
    part("selection").replaceChildren(...(rows.length ? selection(data, rows, name, { select: open, clear }) : []));
    const opener = part("views").querySelector("[value=selection]");
    opener.disabled = !rows.length;
    opener.textContent = rows.length ? `${VIEWS.selection} (${rows.length})` : VIEWS.selection;
    view(rows.length ? "selection" : "galaxy");
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

  // Another map; before alignment there is no joint one.
  function lay(space, before = state.before) {
    const same = space === state.space || (before && state.space !== "joint");
    const moving = before !== state.before && same;
    Object.assign(state, { before, space: before && space === "joint" ? "image" : space });
    for (const input of root.querySelectorAll("[name=ex-map]")) {
      input.checked = input.value === state.space;
      input.disabled = before && input.value === "joint";
    }
    root.querySelector("[name=ex-before]").checked = before;
    paint(moving);
    if (state.selected !== null) search();
    map.fit();
    part("map").setAttribute("aria-label", `${state.space} map of ${data.ids.length} galaxies${before ? ", before alignment" : ""}`);
  }

  function recolour(label) {
    const place = Math.max(coloured.findIndex((one) => one.label === label), 0);
    colour.value = place;
    state.choice = coloured[place];
    paint();
  }

  // A stop of a tour: its galaxies are chosen, one of them is selected.
  function visit(tour, stop = 0) {
    lay(tour.map, false);
    recolour(tour.colour);
    choose(tour.rows.length > 1 ? tour.rows : [], tour.title);
    select(tour.rows[stop]);
    const go = (name, next) => element("button",
      { disabled: next < 0 || next >= tour.rows.length, onclick: () => visit(tour, next).focus() }, name);
    const end = () => { part("tour").hidden = true; choose([], ""); part("map").focus(); };
    const steps = tour.rows.length > 1 ? [go("Previous", stop - 1), go("Next", stop + 1), ` ${stop + 1} of ${tour.rows.length} `] : [];
    const words = element("p", { tabindex: -1 }, element("strong", {}, `${tour.title}. `), tour.text);
    part("tour").replaceChildren(words, element("div", { class: "ex-row" }, ...steps, button("End", "End of the tour", end)));
    part("tour").hidden = false;
    return words;
  }

  function hover(event) {
    const row = map.at(event.x, event.y, REACH.mouse);
    if (row !== state.pointed) point(row);
  }

  const nearer = () => map.zoom(0.7, state.selected), farther = () => map.zoom(1 / 0.7, state.selected);

  function press(event) {
    const direction = ARROWS[event.key];
    const act = {
      "+": nearer, "=": nearer, "-": farther, 0: () => map.fit(),
      Enter: () => part("results").querySelector("button").focus(),
      Escape: () => { point(null); if (state.chosen.length) choose([], ""); },
    }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!direction && !act)) return;
    event.preventDefault();
    event.stopPropagation(); // themes may turn pages by arrows
    if (act) return act();
    const row = map.beside(state.selected, direction);
    if (row === null) say("No galaxy further in this direction.");
    else select(row);
  }

  function radios(name, options, chosen, change) {
    const radio = (option) => element("input",
      { type: "radio", name: `ex-${name}`, value: option, checked: option === chosen, onchange: () => change(option) });
    return element("fieldset", {}, element("legend", {}, name),
      ...options.map((option) => element("label", {}, radio(option), option)));
  }

  const button = (text, title, onclick) =>
    element("button", { "aria-label": title, title, onclick }, text);
  const colour = element("select", { onchange: (event) => recolour(coloured[event.target.value].label) },
    ...coloured.map(({ label }, place) => element("option", { value: place }, label)));
  const ask = guessing(data, part("guess"), { reveal: open });
  part("tours").append(
    element("span", {}, "tours"),
    ...data.tours.map((tour) => element("button", { onclick: () => visit(tour).focus() }, tour.title)),
    element("button", { onclick: () => select(Math.floor(Math.random() * data.count)) }, "A random galaxy"));
  part("controls").append(
    radios("map", ["joint", ...MODALITIES], state.space, (space) => lay(space)),
    element("label", {}, element("input",
      { type: "checkbox", name: "ex-before", onchange: (event) => lay(state.space, event.target.checked) }), "before alignment"),
    element("label", {}, "colour ", colour),
    radios("drag", ["pan", "lasso"], "pan", (tool) => map.drag(tool)),
    element("span", { class: "ex-row" },
      button("+", "Zoom in", nearer),
      button("−", "Zoom out", farther),
      button("⤢", "Show all", () => map.fit())),
  );
  part("views").append(...Object.entries(VIEWS).map(([value, text]) =>
    element("button", { value, disabled: value === "selection", onclick: () => view(value) }, text)));

  map.plot.on_event("mousemove", hover);
  map.plot.on_event("mouseleave", () => point(null));
  map.plot.on_event("tap", (event) => {
    const row = map.at(event.x, event.y, REACH.touch);
    if (row !== null) select(row);
  });
  map.plot.on_event("selectiongeometry", (event) => {
    if (event.final && event.geometry.type === "poly") choose(map.chosen, "Lasso");
  });
  let waiting = false;
  for (const range of [map.across, map.up]) {
    range.change.connect(() => {
      if (!waiting) requestAnimationFrame(() => { waiting = false; picture(); });
      waiting = true;
    });
  }
  part("map").addEventListener("keydown", press);
  const meant = (event) => event.ctrlKey || event.metaKey || part("map").contains(document.activeElement);
  const pass = (event) => { if (!meant(event)) event.stopPropagation(); }; // a wheel that scrolls the page across the map
  part("map").addEventListener("wheel", pass, { capture: true });
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") point(null); });
  window.addEventListener("hashchange", () => { if (follow()) goTo("galaxy"); });
  const dress = () => { map.dress(theme("--ex-text"), theme("--ex-ground")); ring(); };
  new MutationObserver(dress).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

  lay(state.space);
  dress();
  growTable(data, part("table"));
  select(data.first, false);
  if (follow()) root.scrollIntoView();
  root.dataset.ready = "true";
}

// The theme's bars make room, one click brings them back; its link past them gets a second one, to the map.
document.querySelector("#pst-primary-sidebar")?.classList.add("pst-sidebar-hidden");
document.querySelector("#pst-skip-link")?.append(" ", element("a", { href: "#ex-map" }, "Skip to the map"));
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".explorer").forEach(explore));
