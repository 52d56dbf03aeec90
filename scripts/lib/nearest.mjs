// Finds the name that somebody meant: of an option, a command or a setting. Knows none of them.

/** A name that differs more is no misspelling. */
const MOST_DIFFERENT = 3;

/**
 * The name in `names` that is most like `name`, or undefined if none is near: at most every third
 * character may differ.
 *
 * @param {string} name
 * @param {string[]} names
 * @returns {string | undefined}
 */
export function nearest(name, names) {
  const most = Math.min(MOST_DIFFERENT, Math.floor(name.length / 3));
  const [first] = names
    .map((other) => ({ other, distance: distance(name, other) }))
    .sort((a, b) => a.distance - b.distance);
  return first && first.distance <= most ? first.other : undefined;
}

// How many characters must be inserted, removed, replaced or swapped with the next one to make `b`
// of `a` (Damerau and Levenshtein, without editing a swapped pair again).
function distance(a, b) {
  let before = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = row[j] + (a[i] === b[j] ? 0 : 1);
      const isSwap = i > 0 && j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j];
      const swapped = isSwap ? before[j - 1] + 1 : Infinity;
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, replaced, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length];
}
