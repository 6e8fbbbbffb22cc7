// Canonical JSON by another hand: reads one JSON text a line, writes its canonical form (RFC 8785) a line, or "refused".
// JSON.stringify is what RFC 8785 is written after; it has no member order of its own and lets lone surrogates through, so both are done here.
import { createInterface } from 'node:readline';

function canonical(value) {
  if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']';
  if (value !== null && typeof value === 'object') {
    // sort() without a comparer orders by UTF-16 code units.
    return '{' + Object.keys(value).sort().map((name) => canonical(name) + ':' + canonical(value[name])).join(',') + '}';
  }
  // With the u flag a pair is one character, so that only a lone one is a surrogate.
  if (typeof value === 'string' && /\p{Surrogate}/u.test(value)) throw new RangeError('lone surrogate');
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('not finite');
  return JSON.stringify(value);
}

let output = '';
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  try {
    output += canonical(JSON.parse(line)) + '\n';
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    output += 'refused\n';
  }
  if (output.length > 1 << 20) {
    process.stdout.write(output);
    output = '';
  }
}
process.stdout.write(output);
