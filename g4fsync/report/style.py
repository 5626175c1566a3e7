"""How a page looks, and its one script, which copies.

Each text has a contrast of 4.5 or more with what is behind it, in light and in dark.
"""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --back: #fff; --soft: #595f69; --line: #c9ced6;
  --code: #f3f4f6; --error: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e6ea; --back: #16181c; --soft: #a9b1bd; --line: #454b55;
    --code: #23272e; --error: #ff8a80; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: var(--text);
  background: var(--back); overflow-wrap: break-word; }
main { max-width: 90rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
h3, h4, h5, h6 { font-size: 1rem; margin: 1rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; }
.lines { white-space: pre-wrap; font: inherit; margin: 0; }
.answers { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
article { border: 1px solid var(--line); border-top: 4px solid var(--lane); border-radius: 4px;
  padding: .75rem 1rem 1rem; min-width: 0; }
article header { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between; }
article h3 { margin: 0 0 .5rem; min-width: 0; }
.text > :first-child { margin-top: 0; }
.text > :last-child { margin-bottom: 0; }
.text blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line); }
.text ul, .text ol { padding-left: 1.5rem; }
.text table { display: block; overflow-x: auto; border-collapse: collapse; margin: 1rem 0; }
.text th, .text td { border: 1px solid var(--line); padding: .2rem .6rem; }
pre, code, textarea { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace;
  font-size: .875rem; }
code { background: var(--code); border-radius: 3px; padding: .1em .3em; }
pre { background: var(--code); border-radius: 4px; padding: .6rem .75rem;
  overflow-x: auto; overflow-wrap: normal; }
pre code { background: none; padding: 0; }
pre.lines { font: inherit; background: none; padding: 0; overflow-wrap: anywhere; }
details { margin-bottom: .75rem; color: var(--soft); }
.error { color: var(--error); margin: .75rem 0 0; }
button { font: inherit; font-size: .8125rem; color: var(--text); background: var(--back);
  border: 1px solid var(--soft); border-radius: 4px; padding: .1rem .5rem; cursor: pointer; }
.tools { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem;
  margin: 1rem 0 .25rem; color: var(--soft); font-size: .8125rem; }
.tools + pre { margin-top: 0; }
.scroll { overflow-x: auto; }
.scroll table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll th, .scroll td { padding: .2rem .75rem .2rem 0; text-align: left;
  vertical-align: top; }
.words td:nth-child(n + 3) { overflow-wrap: anywhere; }
.scroll th { white-space: nowrap; border-bottom: 1px solid var(--line); color: var(--soft);
  font-weight: 600; }
.bars { display: grid; gap: .35rem; }
.bar { display: grid; grid-template-columns: minmax(6rem, 14rem) 1fr 5rem; gap: .75rem;
  align-items: center; }
.bar span { min-width: 0; }
.bar span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.track { display: flex; height: 1rem; }
.track i { display: block; height: 100%; }
.curves svg { display: block; width: 100%; height: 180px; border-left: 1px solid var(--line);
  border-bottom: 1px solid var(--line); }
.up, .across { color: var(--soft); font-size: .8125rem; }
.across { display: flex; justify-content: space-between; }
@media (max-width: 44rem) {
  .scroll table, .scroll tbody, .scroll tr, .scroll td { display: block; }
  .scroll thead { display: none; }
  .scroll tr { border-top: 1px solid var(--line); padding: .4rem 0; }
  .scroll td { display: grid; grid-template-columns: 9rem minmax(0, 1fr); padding: 0; }
  .scroll td:empty { display: none; }
  .scroll td::before { content: attr(data-label); color: var(--soft); }
  .bar { grid-template-columns: 1fr 5rem; }
  .bar span:first-child { grid-column: 1 / -1; margin-bottom: -.35rem; }
}
"""

SCRIPT = """
"use strict";
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button.nextElementSibling.value, button));
}
for (const code of document.querySelectorAll("pre > code")) {
  const tools = document.createElement("div");
  const name = document.createElement("span");
  const button = document.createElement("button");
  tools.className = "tools";
  name.textContent = code.className.replace(/^language-/, "");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", () => copy(code.textContent, button));
  tools.append(name, button);
  code.parentElement.before(tools);
}
"""
