// Columns of the grid, and the arithmetic of what is visible.

export interface GridColumn {
  id: string;
  label: string;
  unit?: string;
  /** Least width, and fixed where it may not grow. */
  width: number;
  /** Grows to this width where there is room; the rest of the row stays empty, so that text is never torn apart. */
  grow?: number;
  right?: boolean;
  sortable?: boolean;
  mono?: boolean;
  /** Typed in, not measured: shown in grey. */
  declared?: boolean;
  /** Given up where there is no room for all, the highest first: what it says also stands in the open row. */
  yields?: number;
}

/** The columns that fit without scrolling sideways, as far as giving some up makes room. `room` 0: not measured yet. */
export function fitting(columns: readonly GridColumn[], room: number): readonly GridColumn[] {
  let shown = columns;
  while (room > 0 && minWidth(shown) > room) {
    const last = shown.filter((c) => c.yields !== undefined).sort((a, b) => (b.yields ?? 0) - (a.yields ?? 0))[0];
    if (!last) break;
    shown = shown.filter((c) => c !== last);
  }
  return shown;
}

/** Rows drawn above and below what is visible, so that scrolling shows no gap. */
const OVERSCAN = 6;

export function visibleRange(scrollTop: number, height: number, rowHeight: number, total: number): { first: number; last: number } {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const last = Math.min(total - 1, Math.ceil((scrollTop + height) / rowHeight) + OVERSCAN);
  return { first, last: Math.max(last, -1) };
}

/** The CSS grid template of the columns. The last track takes what is left over. */
export function template(columns: readonly GridColumn[]): string {
  return [...columns.map((c) => (c.grow ? `minmax(${c.width}px, ${c.grow}px)` : `${c.width}px`)), "minmax(0, 1fr)"].join(" ");
}

export function minWidth(columns: readonly GridColumn[]): number {
  return columns.reduce((sum, c) => sum + c.width, 0);
}

/** Where the cursor goes for a key; null if the key does not move it. */
export function moveCursor(
  key: string,
  at: { row: number; column: number },
  size: { rows: number; columns: number; page: number },
): { row: number; column: number } | null {
  const row = (n: number) => ({ row: Math.min(size.rows - 1, Math.max(0, n)), column: at.column });
  const column = (n: number) => ({ row: at.row, column: Math.min(size.columns - 1, Math.max(0, n)) });
  switch (key) {
    case "ArrowDown":
    case "j":
      return row(at.row + 1);
    case "ArrowUp":
    case "k":
      return row(at.row - 1);
    case "PageDown":
      return row(at.row + size.page);
    case "PageUp":
      return row(at.row - size.page);
    case "Home":
      return row(0);
    case "End":
      return row(size.rows - 1);
    case "ArrowRight":
      return column(at.column + 1);
    case "ArrowLeft":
      return column(at.column - 1);
    default:
      return null;
  }
}
