// What the run has packed, as the page uses it. Rows beyond ``count`` are real galaxies: nobody's neighbours, in no statistic of all.

const MODALITIES = ["image", "spectrum"];

function unpack(data) {
  const vectors = {};
  for (const [modality, text] of Object.entries(data.vectors)) {
    const values = new Int8Array(toBytes(text).buffer);
    const dimension = values.length / data.ids.length;
    const lengths = new Float64Array(data.ids.length);
    for (let row = 0; row < lengths.length; row++) {
      lengths[row] = Math.sqrt(product(values, row, values, row, dimension));
    }
    vectors[modality] = { values, dimension, lengths };
  }
  return {
    ...data,
    numbers: data.numbers.map((one) => ({ ...one, all: one.values.slice(0, data.count) })),
    real: [...data.ids.keys()].slice(data.count),
    rows: new Map(data.ids.map((id, row) => [id, row])),
    vectors,
    levels: toBytes(data.spectra.levels),
    distributions: Object.fromEntries(MODALITIES.map((name) => [name, toBytes(data.pz[name].levels)])),
    nearestBefore: Object.fromEntries(MODALITIES.map((name) => [name, new Uint16Array(toBytes(data.before[name].nearest).buffer)])),
    sheetAddresses: [],
  };
}

function toBytes(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

// A sheet of thumbnails becomes an image when the first of them is shown.
function sheetAddress(data, sheet) {
  data.sheetAddresses[sheet] ??= URL.createObjectURL(new Blob([toBytes(data.sheets.files[sheet])], { type: "image/jpeg" }));
  return data.sheetAddresses[sheet];
}

function formatted(value) {
  if (value == null) return "unknown";
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3).replace("-", "−");
}

function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

function knownSorted(values) {
  return values.filter((value) => value != null).sort((a, b) => a - b);
}
