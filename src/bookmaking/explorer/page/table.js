// The table of galaxies: with this script all of them, a page at a time, in the order of any property.

const ROWS = 50;

function growTable(data, details) {
  const body = details.querySelector("tbody"), caption = details.querySelector("caption");
  let column = data.numbers[0], page = 0;
  const pages = Math.ceil(data.count / ROWS);
  const order = element("select", { onchange: (event) => { column = data.numbers[event.target.value]; page = 0; fill(); } },
    ...data.numbers.map(({ label }, place) => element("option", { value: place }, label)));
  const turn = (step) => () => { page = Math.min(Math.max(page + step, 0), pages - 1); fill(); };
  const before = element("button", { onclick: turn(-1) }, "Previous page");
  const after = element("button", { onclick: turn(1) }, "Next page");
  details.querySelector(".ex-scroll").before(
    element("p", { class: "ex-row" }, element("label", {}, "Order by ", order), before, after));

  function fill() {
    const sorted = Array.from({ length: data.count }, (_, row) => row);
    sorted.sort((a, b) => (column.values[a] ?? Infinity) - (column.values[b] ?? Infinity) || a - b);
    body.replaceChildren(...sorted.slice(page * ROWS, (page + 1) * ROWS).map(line));
    const place = `page ${page + 1} of ${pages}`;
    caption.textContent = `Galaxies by ${column.label}, ${place}; the last columns name the nearest other galaxy.`;
    before.disabled = page === 0;
    after.disabled = page === pages - 1;
  }

  function line(row) {
    const link = (one) => element("a", { href: `#galaxy=${data.ids[one]}` }, data.ids[one]);
    return element("tr", {}, element("th", { scope: "row" }, link(row)),
      ...data.numbers.map(({ values }) => element("td", {}, formatted(values[row]))),
      ...data.labels.map(({ names, codes }) => element("td", {}, names[codes[row]])),
      ...allWays(data, row, 1).map(({ found }) => element("td", {}, link(found[0].row))));
  }

  details.addEventListener("toggle", fill, { once: true });
}
