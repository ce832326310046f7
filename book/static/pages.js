// A tap on a picture enlarges it, to be moved with a finger or the mouse; the next tap, or Escape, closes it.
const enlarged = document.createElement("dialog");
enlarged.className = "enlarged";
enlarged.setAttribute("aria-label", "Enlarged picture");
document.addEventListener("click", (event) => {
  const picture = event.target.closest("a.picture");
  if ((!picture && !enlarged.open) || event.ctrlKey || event.metaKey) return; // the link opens the file in another tab
  event.preventDefault();
  if (enlarged.open) return enlarged.close();
  enlarged.replaceChildren(picture.cloneNode(true));
  document.body.append(enlarged);
  enlarged.showModal();
});
// What unfolds a part of the contents has a name.
for (const summary of document.querySelectorAll("nav summary")) {
  summary.setAttribute("aria-label", `Pages of ${summary.closest("li").querySelector("a").textContent}`);
}
