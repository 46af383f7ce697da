const COLUMNS = 80;
const ROWS = 24;

/** Tells how large the terminal is; some do not know, and say 0. */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  return { columns: process.stdout.columns || COLUMNS, rows: process.stdout.rows || ROWS };
}

/** Is the terminal's second screen: what stood on the first one comes back. */
export class Screen {
  constructor() {
    process.stdout.write("\x1b[?1049h\x1b[?25l\x1b[2J");
  }

  /** Draws what fits: the last line stays free, for a line end there would scroll. */
  draw(lines: (columns: number, rows: number) => readonly string[]): void {
    const { columns, rows } = terminalSize();
    const shown = lines(columns, Math.max(1, rows - 1));
    process.stdout.write(`\x1b[H${shown.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }

  close(): void {
    process.stdout.write("\x1b[?25h\x1b[?1049l");
  }
}
