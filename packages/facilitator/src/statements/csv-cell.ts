/**
 * One cell of a CSV file (RFC 4180). A spreadsheet takes text that begins with one of these characters for a formula, which
 * could send the rest of the sheet away; an apostrophe before it makes it text again. Numbers keep their sign.
 */
export function csvCell(value: string): string {
  const isNumber = /^-?\d+$/.test(value);
  const safe = !isNumber && /^[=+\-@\t\r\n|%]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
