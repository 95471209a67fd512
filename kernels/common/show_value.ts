/** A value as an error message shows it: texts in quotes, lists and plain objects with what is in them. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(showValue).join(', ')}]`;
  // Not as JSON, which makes null of NaN and Infinity.
  if (typeof value !== 'object' || value === null) return String(value);
  const className = value.constructor?.name ?? 'Object';
  if (className !== 'Object') return `an object of the class ${className}`;
  return `{${Object.entries(value)
    .map(([name, one]) => `${name}: ${showValue(one)}`)
    .join(', ')}}`;
}
