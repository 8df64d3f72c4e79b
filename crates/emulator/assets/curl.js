// A recorded request as a curl command.

/** One shell word, whatever is in it: inside single quotes only the quote itself is special. */
const quote = (word) => `'${String(word).replaceAll("'", `'\\''`)}'`;

/** Headers that curl works out by itself, and that are wrong as soon as the body is edited. */
const OWN = new Set(["host", "content-length", "connection", "accept-encoding"]);

export function curl({ method, url, headers, body }) {
  const words = [`curl ${quote(url)}`];
  if (method !== (body ? "POST" : "GET")) words.push(`-X ${quote(method)}`);
  for (const [name, value] of headers) {
    if (!OWN.has(name.toLowerCase())) words.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  if (body) words.push(`--data-raw ${quote(body)}`);
  return words.join(" \\\n  ");
}
