import type { Summary } from './statistics.ts';

/** One figure of a benchmark, as it stands in the table. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  /** The middle half of the samples, or what the value was made of. */
  readonly spread?: string;
  readonly target?: string;
  /** Undefined where nothing was promised. */
  readonly met?: boolean;
}

/** A benchmark: its title says what is measured and in which unit. */
export interface Benchmark {
  readonly title: string;
  readonly run: () => Promise<readonly Figure[]>;
}

const digits = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** A measured quantity with its quartiles. */
export const measured = (name: string, unit: string, { median, lower, upper }: Summary): Figure => ({
  name,
  value: `${digits(median)} ${unit}`,
  spread: `${digits(lower)}–${digits(upper)}`,
});

/** A ratio that must not exceed its target. */
export const ratio = (name: string, { median, lower, upper }: Summary, target: number): Figure => ({
  name,
  value: median.toFixed(2),
  spread: `${lower.toFixed(2)}–${upper.toFixed(2)}`,
  target: `≤ ${target.toFixed(2)}`,
  met: median <= target,
});

const verdict = ({ met }: Figure): string => (met === undefined ? '' : met ? 'met' : 'NOT MET');

/** The figures as an aligned table. */
export function tableOf(title: string, figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    figure.value,
    figure.spread ?? '',
    figure.target ?? '',
    verdict(figure),
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}
