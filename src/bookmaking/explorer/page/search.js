// Exact search by cosine. Sums of products of bytes are integers, so that every browser, and the tests, give the same order.

function product(first, row, second, other, dimension) {
  let sum = 0;
  const a = row * dimension, b = other * dimension;
  for (let i = 0; i < dimension; i++) sum += first[a + i] * second[b + i];
  return sum;
}

// The k nearest of the first ``count`` galaxies, the query left out: [{row, cosine}], best first, equal ones in the order of the file.
function nearest(query, gallery, row, k, count) {
  const scores = new Float64Array(count);
  for (let other = 0; other < scores.length; other++) {
    scores[other] = product(query.values, row, gallery.values, other, query.dimension) / gallery.lengths[other];
  }
  const order = Array.from(scores.keys()).filter((other) => other !== row);
  order.sort((a, b) => scores[b] - scores[a] || a - b);
  return order.slice(0, k).map((other) => ({ row: other, cosine: scores[other] / query.lengths[row] }));
}

// All ways between the modalities: [{asked, gallery, found}]. Before alignment they have no space in common.
function allWays(data, row, k, before = false) {
  if (before) return MODALITIES.map((name) => ({ asked: name, gallery: name, found: foundBefore(data, name, row) }));
  return MODALITIES.flatMap((asked) =>
    MODALITIES.map((gallery) => ({ asked, gallery, found: nearest(data.vectors[asked], data.vectors[gallery], row, k, data.count) })),
  );
}

function foundBefore(data, modality, row) {
  const k = data.neighbours;
  return [...data.nearestBefore[modality].slice(row * k, (row + 1) * k)].map((other) => ({ row: other, cosine: null }));
}
