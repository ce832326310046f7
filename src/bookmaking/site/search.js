// How Sphinx's search ranks what it finds: chapters before functions of the package, whose pages are many and short.
var Scorer = {
  score: ([page, , , , score]) => (page.startsWith("book/package/") ? score / 10 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
// Excerpts come from `search_texts.js`, as browsers let no page that is read from a folder fetch another one.
if (typeof Search !== "undefined") {
  window.fetch = async (address) => ({ text: async () => new URL(address, document.baseURI).pathname });
  Search.htmlToText = (path, anchor) => {
    const [name, page] = Object.entries(TEXTS).find(([name]) => decodeURI(path).endsWith(`/${name}.html`));
    return page[anchor] ?? page[""] ?? "";
  };
}
