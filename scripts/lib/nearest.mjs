// Finds the name that somebody meant: of an option, a command or a setting. Knows none of them.

/** A name that differs more is no misspelling. */
const MOST_DIFFERENT = 3;

/**
 * The name in `names` that is most like `name`, or undefined if none is near. In a short name, fewer
 * characters may differ.
 *
 * @param {string} name
 * @param {string[]} names
 * @returns {string | undefined}
 */
export function nearest(name, names) {
  const most = Math.min(MOST_DIFFERENT, Math.floor(name.length / 2));
  const [first] = names
    .map((other) => ({ other, distance: distance(name, other) }))
    .sort((a, b) => a.distance - b.distance);
  return first && first.distance <= most ? first.other : undefined;
}

// How many characters must be inserted, removed or replaced to make `b` of `a` (Levenshtein).
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, right] of [...b].entries())
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (left === right ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}
