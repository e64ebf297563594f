import { formatPlatform } from '../../base/platform.ts';
import type { Item } from '../../docker/argv/parse.ts';
import type { Preparation } from './prepare.ts';

/** What `--explain` prints: the plan, why it is so, and the Dockerfile that would be built. */
export function explain(preparation: Preparation, userItems: readonly Item[]): string {
  const rows: [string, string][] = [];
  if (preparation.kind === 'pass') {
    const { reason } = preparation.plan;
    rows.push(
      ['plan', 'pass: docker builds exactly what was typed'],
      ['because', `${reason.text} [${reason.code}]`],
    );
    return table(rows);
  }
  if (preparation.kind === 'fallback') {
    const { plan } = preparation;
    rows.push(
      plan.kind === 'patch'
        ? ['plan', 'patch: docker builds exactly what was typed, then the image in the engine is marked']
        : ['plan', 'label: docker builds what was typed, with labels'],
      ['because', `${plan.reason.text} [${plan.reason.code}]`],
    );
    if (plan.kind === 'label') rows.push(['and', plan.why]);
    return table(rows);
  }
  const { plan, source } = preparation.build;
  rows.push(
    ['plan', plan.entrypoint ? 'inline: mark the image and wrap its entrypoint' : 'inline: mark the image'],
    ['because', `${plan.reason.text} [${plan.reason.code}]`],
    ['dockerfile', `a copy of ${source.path}`],
  );
  if (plan.entrypoint) {
    rows.push(
      ['entrypoint', JSON.stringify(plan.entrypoint.before)],
      ['becomes', JSON.stringify(plan.entrypoint.after)],
      ['cmd', JSON.stringify(plan.entrypoint.cmd)],
    );
  }
  rows.push(['platforms', plan.platforms.map(({ platform }) => formatPlatform(platform)).join(' ')]);
  if (plan.checks !== undefined) rows.push(['build checks', plan.checks]);
  const words = userItems.flatMap((item) => [...item.words]);
  rows.push(['build', ['docker build', ...words].join(' ')]);
  const text = new TextDecoder().decode(plan.dockerfile);
  return `${table(rows)}\n${text}${text.endsWith('\n') ? '' : '\n'}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}
