/** The look of the page, light and dark. */
export const documentationStyle = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6878; --line: #dde3ea; --paper: #fff; --sunk: #f5f7fa; --mark: #0b66c3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe6ee; --soft: #93a1b2; --line: #2c3644; --paper: #12171e; --sunk: #1a212b; --mark: #6cb3ff; }
}
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 19rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem; border-right: 1px solid var(--line); font-size: .875rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { margin: .25rem 0; }
nav li a { display: flex; align-items: baseline; line-height: 1.35; }
nav .method { flex: none; width: 3.4rem; }
nav .name { font-weight: 700; font-size: 1.1rem; margin-top: 0; }
nav .tag { font-weight: 600; color: var(--soft); margin: 1.2rem 0 .3rem; }
a { color: var(--mark); text-decoration: none; }
a:hover { text-decoration: underline; }
main { padding: 2rem 3rem 6rem; max-width: 60rem; }
h1 { font-size: 2rem; margin: 0 0 .5rem; }
h2 { margin: 3.5rem 0 1rem; padding-bottom: .3rem; border-bottom: 2px solid var(--line); }
h3 { margin: 0 0 .2rem; }
article { padding: 1.5rem 0; border-bottom: 1px solid var(--line); }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .84rem; }
td code, .route code, .codes code { overflow-wrap: anywhere; }
pre { background: var(--sunk); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; }
.method { display: inline-block; min-width: 3.4rem; font: 700 .7rem/1.5 ui-monospace, monospace; }
.get { color: #1a7f4b; } .post { color: #0b66c3; } .put, .patch { color: #9a6700; } .delete { color: #c02b2b; }
.badge { border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .6rem; font-size: .75rem; color: var(--soft); }
.label { margin: 1rem 0 .3rem; font-size: .8rem; font-weight: 600; color: var(--soft); }
.codes { line-height: 1.9; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
.fields { margin: 1rem 0; font-size: .85rem; }
.fields th { color: var(--soft); font-weight: 600; }
.optional { color: var(--soft); font-size: .75rem; }
:target { background: color-mix(in srgb, var(--mark) 10%, transparent); }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; max-height: 40vh; border: 0; border-bottom: 1px solid var(--line); } main { padding: 1rem; } }
@media print { nav { display: none; } body { display: block; } }
`;
