/** How many characters must be changed, put in or taken out to make one text of the other (Levenshtein's distance). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (let column = 1; column <= other.length; column += 1) {
      const changed = (row[column - 1] ?? 0) + (letter === other[column - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

/** Returns which of the known texts is written most like this one; undefined where none is known. */
export const nearestOf = (text: string, known: readonly string[]): string | undefined =>
  known.map((each) => ({ each, far: distance(text, each) })).sort((a, b) => a.far - b.far)[0]?.each;
