// Canonical JSON by another hand: reads one JSON text a line, writes its canonical form (RFC 8785) a line, or "refused".
// JSON.stringify is what RFC 8785 is written after; it has no member order of its own and lets lone surrogates through, so both are done here.
import { createInterface } from 'node:readline';

function canonical(value) {
  if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']';
  if (value !== null && typeof value === 'object') {
    // sort() without a comparer orders by UTF-16 code units.
    return '{' + Object.keys(value).sort().map((name) => canonical(name) + ':' + canonical(value[name])).join(',') + '}';
  }
  if (typeof value === 'string' && !value.isWellFormed()) throw new Error('lone surrogate');
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('not finite');
  return JSON.stringify(value);
}

let output = '';
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  try {
    output += canonical(JSON.parse(line)) + '\n';
  } catch {
    output += 'refused\n';
  }
  if (output.length > 1 << 20) {
    process.stdout.write(output);
    output = '';
  }
}
process.stdout.write(output);
