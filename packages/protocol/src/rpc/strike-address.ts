/** Shorter segments are names of versions and networks, such as `v2`. */
const segmentMinimum = 8;

/** What is shorter is no secret, and would be found in any text. */
const secretMinimum = 4;

/**
 * Makes what strikes an endpoint's address out of its node's messages, which may repeat it in whatever form: the host, and
 * whatever in its path, its query and its credentials may be a key.
 */
export function createAddressStriking(address: string): (text: string) => string {
  const parts = secretsOf(new URL(address)).flatMap((part) => [part, decoded(part)]);
  // The longest first, because one may be the beginning of another.
  const longestFirst = [...new Set(parts)].toSorted((one, other) => other.length - one.length);
  const pattern = new RegExp(longestFirst.map(literally).join('|'), 'gi');
  return longestFirst.length === 0 ? (text) => text : (text) => text.replace(pattern, '(address)');
}

function secretsOf(url: URL): readonly string[] {
  const segments = url.pathname.split('/').filter((segment) => segment.length >= segmentMinimum);
  const values = url.search
    .slice(1)
    .split('&')
    .map((pair) => pair.slice(pair.indexOf('=') + 1));
  const secrets = [...values, url.username, url.password].filter((secret) => secret.length >= secretMinimum);
  return [...hostsOf(url), ...segments, ...secrets];
}

/** A bare word, such as the name of a container, leads nowhere, and a node's message may need it. */
function hostsOf({ hostname, port }: URL): readonly string[] {
  const hosts = /[.:]/.test(hostname) ? [hostname] : [];
  return port === '' ? hosts : [...hosts, `${hostname}:${port}`];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
