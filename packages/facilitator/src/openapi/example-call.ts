import type { DescribedRoute } from './described-route.js';

/** The example of a route as a command line that runs once `TOLLKEEPER_URL` and `TOLLKEEPER_KEY` are set. */
export function exampleCall(route: DescribedRoute): string {
  const { method, example } = route;
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => example.params?.[name] ?? `{${name}}`);
  const query = new URLSearchParams(example.query).toString();
  const lines = [`curl -s ${method === 'GET' ? '' : `-X ${method} `}"$TOLLKEEPER_URL${path}${query && `?${query}`}"`];
  if (route.permission !== undefined) lines.push(`-H "x-api-key: $TOLLKEEPER_KEY"`);
  if (route.idempotent === 'required') lines.push(`-H 'idempotency-key: order-1042'`);
  if (example.body !== undefined) {
    lines.push(`-H 'content-type: application/json'`, `-d '${JSON.stringify(example.body, null, 2)}'`);
  }
  return lines.join(' \\\n  ');
}
