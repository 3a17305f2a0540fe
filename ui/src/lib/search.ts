// Finding things by a few of their letters, for the command palette.

/** How well a text fits, and which of its characters were meant. */
export type Match = { score: number; at: number[] };

/**
 * Whether the letters of `query` stand in `text` in their order, and how well: whole words before beginnings of
 * words, those before letters in the middle, and short texts before long ones. Every word of the query has to be found,
 * wherever it stands.
 */
export function match(query: string, text: string): Match | null {
  return matchWords(query, text, matchWord);
}

/** The same, with the letters of each word side by side. */
function matchTogether(query: string, text: string): Match | null {
  return matchWords(query, text, bestPlace);
}

function matchWords(
  query: string,
  text: string,
  find: (word: string, text: string) => Match | null,
): Match | null {
  const at = new Set<number>();
  let score = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const found = find(word, text.toLowerCase());
    if (!found) return null;
    score += found.score;
    for (const place of found.at) at.add(place);
  }
  return { score: score - text.length / 100, at: [...at].sort((a, b) => a - b) };
}

/** The items that fit, best first; all of them, in their order, when nothing is asked for. */
export function search<T>(
  query: string,
  items: readonly T[],
  text: (item: T) => string,
): { item: T; at: number[] }[] {
  if (!query.trim()) return items.map((item) => ({ item, at: [] }));
  const found = fitting(query, items, text, matchTogether);
  // Letters with others between them are meant only where nothing has them side by side.
  return found.length > 0 ? found : fitting(query, items, text, match);
}

function fitting<T>(
  query: string,
  items: readonly T[],
  text: (item: T) => string,
  fits: (query: string, text: string) => Match | null,
): { item: T; at: number[] }[] {
  return items
    .flatMap((item, place) => {
      const found = fits(query, text(item));
      return found ? [{ item, at: found.at, score: found.score, place }] : [];
    })
    .sort((a, b) => b.score - a.score || a.place - b.place)
    .map(({ item, at }) => ({ item, at }));
}

function matchWord(word: string, text: string): Match | null {
  const whole = bestPlace(word, text);
  if (whole) return whole;
  // Its letters with others between them: "acpr" is "acme / production".
  const at: number[] = [];
  let from = 0;
  let score = 0;
  for (const letter of word) {
    const next = nextLetter(letter, text, from);
    if (next < 0) return null;
    score += isStart(text, next) ? 6 : next === from && at.length > 0 ? 3 : 0;
    at.push(next);
    from = next + 1;
  }
  // Letters strewn over the text without meaning anything are no match.
  return score >= word.length * 2 ? { score, at } : null;
}

function bestPlace(word: string, text: string): Match | null {
  let place = text.indexOf(word);
  if (place < 0) return null;
  for (let next = place; next >= 0; next = text.indexOf(word, next + 1)) {
    if (isStart(text, next)) {
      place = next;
      break;
    }
  }
  const end = place + word.length;
  const wholeWord = isStart(text, place) && (end === text.length || isStart(text, end));
  const score = word.length * 4 + (isStart(text, place) ? 12 : 0) + (wholeWord ? 6 : 0) - place / 50;
  return { score, at: Array.from({ length: word.length }, (_, i) => place + i) };
}

/** The letter at the start of a word if there is one ahead, otherwise the nearest. */
function nextLetter(letter: string, text: string, from: number): number {
  const near = text.indexOf(letter, from);
  if (near === from) return near;
  for (let next = near; next >= 0; next = text.indexOf(letter, next + 1)) {
    if (isStart(text, next)) return next;
  }
  return near;
}

function isStart(text: string, at: number): boolean {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] ?? "") || !/[\p{L}\p{N}]/u.test(text[at] ?? "");
}
