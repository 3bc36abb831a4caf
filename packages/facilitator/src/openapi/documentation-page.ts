import { faults, type FaultCode } from '@tollkeeper/protocol';
import type { DescribedRoute } from './described-route.js';
import { documentationStyle } from './documentation-style.js';
import { exampleCall } from './example-call.js';
import { html, type Html } from './html.js';
import { inputFieldsOf, type InputField } from './input-fields.js';

/** The documentation for people: one page that needs nothing else, readable without styles and on paper. */
export function renderDocumentation(routes: readonly DescribedRoute[]): string {
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  const of = (tag: string) => routes.filter((route) => route.tag === tag);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Tollkeeper API</title>
        <style>
          ${{ text: documentationStyle }}
        </style>
      </head>
      <body>
        <nav aria-label="Contents">
          <p class="name">Tollkeeper</p>
          <p><a href="#start">Start here</a></p>
          ${tags.map(
            (tag) =>
              html`<p class="tag">${tag}</p>
                <ul>
                  ${of(tag).map(entry)}
                </ul>`,
          )}
          <p><a href="#errors">Errors</a></p>
          <p><a href="/openapi.json">openapi.json</a></p>
        </nav>
        <main>
          ${introduction}
          ${tags.map(
            (tag) =>
              html`<section>
                <h2>${tag}</h2>
                ${of(tag).map(operation)}
              </section>`,
          )}
          ${errorTable()}
        </main>
      </body>
    </html> `.text;
}

const introduction = html`<section id="start">
  <h1>Tollkeeper API</h1>
  <p>
    A payment facilitator for HTTP 402 (x402) that keeps the books. The examples are for a shell that knows where this
    page is and a key of your merchant; ids in them stand for your own. The first key is made by the operator’s command,
    in a sandbox by you:
  </p>
  <pre>
export TOLLKEEPER_URL=http://127.0.0.1:4022
tollkeeper merchants create acme
export TOLLKEEPER_KEY=$(tollkeeper keys create --merchant acme --name first --secret-only)</pre>
  <ul>
    <li>
      <b>Keys</b> go into the header <code>x-api-key</code>, or behind <code>Authorization: Bearer</code>. Each may do
      what its permissions say, and sees its own merchant only.
    </li>
    <li>
      <b>Amounts</b> are strings of minor units: <code>"10000"</code> is one cent of USDC. Times are ISO 8601 in UTC.
    </li>
    <li>
      <b>Money operations</b> need an <code>Idempotency-Key</code>. The same key with the same request gets the same
      answer, with <code>Idempotency-Replayed: true</code>; so repeat a request whose answer was lost.
    </li>
    <li><b>Lists</b> come in pages: pass <code>nextCursor</code> as <code>cursor</code> until it is null.</li>
    <li>
      <b>Errors</b> have a <code>code</code> that never changes its meaning, and say whether the same request may
      succeed later (<code>retryable</code>).
    </li>
  </ul>
</section>`;

function anchorOf({ method, path }: DescribedRoute): string {
  return `${method}${path}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

function entry(route: DescribedRoute): Html {
  return html`<li>
    <a href="#${anchorOf(route)}"
      ><span class="method ${route.method.toLowerCase()}">${route.method}</span> ${route.summary}</a
    >
  </li>`;
}

function operation(route: DescribedRoute): Html {
  return html`<article id="${anchorOf(route)}">
    <h3>${route.summary}</h3>
    <p class="route">
      <span class="method ${route.method.toLowerCase()}">${route.method}</span>
      <code>${route.path.replaceAll(/:(\w+)/g, '{$1}')}</code>${badges(route)}
    </p>
    ${route.description === undefined ? '' : html`<p>${withCode(route.description)}</p>`}
    ${fieldTable(inputFieldsOf(route))}
    <pre>${exampleCall(route)}</pre>
    <p class="label">
      Answer ${route.status}${route.alsoAnswers.length === 0 ? '' : html`, also as ${route.alsoAnswers.join(', ')}`}
    </p>
    <pre>${responseText(route.example.response)}</pre>
    <p class="label">Errors</p>
    <p class="codes">${route.errors.map((code) => html`<a href="#${code}"><code>${code}</code></a> `)}</p>
  </article>`;
}

function fieldTable(fields: readonly InputField[]): Html {
  if (fields.length === 0) return html``;
  return html`<table class="fields">
    <thead>
      <tr>
        <th>Field</th>
        <th>In</th>
        <th>Form</th>
        <th>Meaning</th>
      </tr>
    </thead>
    <tbody>
      ${fields.map(
        ({ name, place, required, form, description }) =>
          html`<tr>
            <td><code>${name}</code>${required ? '' : html` <span class="optional">optional</span>`}</td>
            <td>${place}</td>
            <td>${form}</td>
            <td>${withCode(description)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function badges({ permission, idempotent }: DescribedRoute): Html {
  return html`${permission === undefined ? '' : html` <span class="badge">key: ${permission}</span>`}${
    idempotent === 'no' ? '' : html` <span class="badge">Idempotency-Key ${idempotent}</span>`
  }`;
}

/** Words between backticks, as code. */
function withCode(text: string): readonly Html[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function responseText(response: unknown): string {
  return typeof response === 'string' ? response : JSON.stringify(response, null, 2);
}

function errorTable(): Html {
  const codes = Object.keys(faults) as FaultCode[];
  return html`<section id="errors">
    <h2>Errors</h2>
    <p>
      Every error is <code>application/problem+json</code> with these codes. What to do about each is in
      <code>docs/errors.md</code>.
    </p>
    <table>
      <thead>
        <tr>
          <th>Code</th>
          <th>Status</th>
          <th>Retry</th>
          <th>Meaning</th>
        </tr>
      </thead>
      <tbody>
        ${codes.map(
          (code) =>
            html`<tr id="${code}">
              <td><code>${code}</code></td>
              <td>${faults[code].status}</td>
              <td>${faults[code].retryable ? 'yes' : 'no'}</td>
              <td>${withCode(faults[code].message)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}
