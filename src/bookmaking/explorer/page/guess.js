// A game: tell the redshift of a galaxy from its image, against the network.

function guessing(data, place, { reveal }) {
  const rounds = [];
  const error = (z, row) => Math.abs(z - data.redshift[row]) / (1 + data.redshift[row]);
  const mean = (values) => formatted(values.reduce((sum, value) => sum + value, 0) / values.length);

  return function ask() {
    const row = Math.floor(Math.random() * data.count), top = data.pz.highest.toFixed(2);
    const slider = element("input", { type: "range", min: 0, max: top, step: 0.01, value: top / 2, "aria-label": "your redshift",
      oninput: () => { shown.textContent = Number(slider.value).toFixed(2); } });
    const shown = element("output", {}, Number(slider.value).toFixed(2));
    const answer = element("div", { role: "status" });
    const check = element("button", { onclick: () => {
      const yours = Number(slider.value), told = data.pz.image.mean[row];
      rounds.push([error(yours, row), error(told, row)]);
      check.disabled = slider.disabled = true;
      const words = rounds.length === 1 ? "this galaxy" : `${rounds.length} galaxies`;
      const [you, network] = [0, 1].map((player) => mean(rounds.map((round) => round[player])));
      answer.append(
        element("p", {}, `The true redshift is ${formatted(data.redshift[row])}. You said ${formatted(yours)}, the network ${formatted(told)}.`),
        element("p", {}, `Mean error |Δz|/(1 + z) of ${words}: you ${you}, the network ${network}.`),
        element("p", { class: "ex-row" },
          element("button", { onclick: () => ask().focus() }, "Another one"),
          element("button", { onclick: () => reveal(row) }, "Show this galaxy")));
      answer.querySelector("button").focus();
    } }, "Check");
    place.replaceChildren(
      element("h2", {}, "How far away is it?"), element("div", { class: "ex-guessed" }, likeness(data, row)),
      element("p", {}, `Redshifts here reach ${top}. Small, faint and red galaxies tend to be far away.`),
      element("p", { class: "ex-row" }, slider, element("span", {}, "z = ", shown), check), answer);
    return slider;
  };
}
