// Pages that have become one: links stay within it, those to citations past the footnotes that share their ids;
// the list of chapters leads to its pages; parts of it and of the explorer are no chapters;
// a module keeps its title and loses its functions, which are read on the pages.
() => {
  for (const one of document.querySelectorAll("details:has(dl.py)")) one.replaceChildren(one.querySelector("summary"));
  for (const one of document.querySelectorAll(".citation")) one.id = `citation-${one.id}`;
  for (const link of document.querySelectorAll("a.internal[href*='.html#id']")) link.href = link.hash.replace("#", "#citation-");
  for (const link of document.querySelectorAll("a[href*='.html#']")) if (link.protocol === "file:") link.href = link.hash;
  const chapters = document.querySelectorAll(".toctree-wrapper > section");
  const title = (chapter) => chapter.querySelector("h2, h3").firstChild.textContent;
  const places = new Map([...chapters].map((one) => [title(one), `#${one.id}`]));
  for (const link of document.querySelectorAll("#jb-print-toc a")) link.href = places.get(link.textContent.trim());
  for (const one of document.querySelectorAll(".explorer :is(h2, h3), #jb-print-toc :is(h2, p)")) one.role = "presentation";
}
