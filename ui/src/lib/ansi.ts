// Text from servers, with its colours, as pieces to be shown as text. Nothing of it is ever taken for markup.

/** Colours that terminals know by number. */
const colours = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

/** A piece of a line that looks the same throughout. */
export type Piece = { text: string; style: string; hit: boolean };

/* eslint-disable no-control-regex -- control characters are what this is about */
const sequences =
  /\x1b\[([0-9;:?]*)([ -/]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** A line without escape sequences and control characters. */
export function plain(line: string): string {
  return line.includes("\x1b") || hasControls(line) ? line.replace(sequences, "") : line;
}

/**
 * Cuts a line into pieces of one look each: by its own colours, and by where `query` is found in it.
 * A piece's `style` is a list of classes, such as `ansi-red ansi-bold`.
 */
export function pieces(line: string, query = ""): Piece[] {
  const styled = colour(line);
  const wanted = query.toLowerCase();
  if (!wanted) return styled;
  const text = styled
    .map((piece) => piece.text)
    .join("")
    .toLowerCase();
  const cut: Piece[] = [];
  let at = 0;
  let from = text.indexOf(wanted);
  for (const { text: part, style } of styled) {
    let begin = at;
    const end = at + part.length;
    while (begin < end) {
      const hit = from >= 0 && begin >= from;
      const stop = from < 0 ? end : Math.min(end, hit ? from + wanted.length : from);
      cut.push({ text: part.slice(begin - at, stop - at), style, hit });
      begin = stop;
      if (hit && stop === from + wanted.length) from = text.indexOf(wanted, stop);
    }
    at = end;
  }
  return cut;
}

function colour(line: string): Piece[] {
  if (!line.includes("\x1b")) return [{ text: plain(line), style: "", hit: false }];
  const found: Piece[] = [];
  let look = new Look();
  let begin = 0;
  const push = (end: number) => {
    const text = line.slice(begin, end);
    if (text) found.push({ text, style: look.classes(), hit: false });
  };
  for (const match of line.matchAll(sequences)) {
    push(match.index);
    begin = match.index + match[0].length;
    if (match[3] === "m") look = look.after(match[1] ?? "");
  }
  push(line.length);
  return found;
}

/** How text looks after some `ESC [ … m`. */
class Look {
  constructor(
    readonly ink = "",
    readonly bold = false,
    readonly dim = false,
  ) {}

  classes(): string {
    return [this.ink && `ansi-${this.ink}`, this.bold && "ansi-bold", this.dim && "ansi-dim"]
      .filter(Boolean)
      .join(" ");
  }

  after(parameters: string): Look {
    let { ink, bold, dim } = this;
    const codes = parameters.split(/[;:]/).map(Number);
    for (let i = 0; i < codes.length; i += 1) {
      const code = codes[i] ?? 0;
      if (code === 0) [ink, bold, dim] = ["", false, false];
      else if (code === 1) bold = true;
      else if (code === 2) dim = true;
      else if (code === 22) [bold, dim] = [false, false];
      else if (code === 39) ink = "";
      else if (code >= 30 && code <= 37) ink = colours[code - 30] ?? "";
      else if (code >= 90 && code <= 97) ink = colours[code - 90] ?? "";
      else if (code === 38 || code === 48) {
        // A colour of the large palette: only its first sixteen have a name here.
        const kind = codes[i + 1];
        if (code === 38) ink = kind === 5 ? (colours[(codes[i + 2] ?? 99) % 8] ?? "") : "";
        if (code === 38 && (codes[i + 2] ?? 99) > 15) ink = "";
        i += kind === 5 ? 2 : kind === 2 ? 4 : 0;
      }
    }
    return new Look(ink, bold, dim);
  }
}

function hasControls(line: string): boolean {
  for (let i = 0; i < line.length; i += 1) {
    const code = line.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}
