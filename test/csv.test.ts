import { describe, expect, it } from 'vitest';
import { csvOf } from '#shared/csv.ts';

const cells = (...values: string[]) =>
  csvOf({ value: (value: string) => value }, values)
    .slice('value\r\n'.length)
    .slice(0, -'\r\n'.length);

describe('CSV', () => {
  it('has a line of names and one for each row, ended by CRLF', () => {
    const columns = { a: (row: number) => String(row), b: (row: number) => String(row * 2) };
    expect(csvOf(columns, [1, 2])).toBe('a,b\r\n1,2\r\n2,4\r\n');
    expect(csvOf(columns, [])).toBe('a,b\r\n');
  });

  it.each([
    ['plain æøå', 'plain æøå'],
    ['', ''],
    ['a,b', '"a,b"'],
    ['a "b"', '"a ""b"""'],
    ['a\nb', '"a\nb"'],
    ['a\r\nb', '"a\r\nb"'],
  ])('writes %j as %j', (value, written) => {
    expect(cells(value)).toBe(written);
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+45 70605040', "'+45 70605040"],
    ['-opslag', "'-opslag"],
    ['@SUM(A1)', "'@SUM(A1)"],
    [' =1+1', "' =1+1"],
    ['\t=1', "'\t=1"],
    ['=HYPERLINK("a","b")', `"'=HYPERLINK(""a"",""b"")"`],
    ['\r=1', `"'\r=1"`],
  ])('lets no spreadsheet compute %j', (value, written) => {
    expect(cells(value)).toBe(written);
  });

  it('leaves a sign inside a value alone', () => {
    expect(cells('a=b-c')).toBe('a=b-c');
  });
});
