/**
 * Looks for what a report does to its reader instead of telling him: words meant for a model that triages it, characters
 * that hide text from people, script or tricks where a name or a place stands. What is found is put aside with its
 * reason, kept to the byte, and read by a person; a description *of* such an attack is put aside too, and that is the
 * cheaper mistake. Script in free text is no sign of anything (reports of cross-site scripting consist of it): whoever
 * shows text escapes it.
 */
import type { Claim } from './claim.ts';
import type { Rejection } from './piece.ts';

export interface Suspicion {
  readonly reason: Extract<Rejection, `quarantined-${string}`>;
  /** What was seen and where; sealed with the record. */
  readonly detail: string;
}

/** Characters of one field that are looked at. A claim holds no more. */
const MAX_SEARCHED = 40_000;
const SHOWN = 80;

/** Orders to a reader that is a model. Each alone is enough: people do not write so to people. */
const TO_A_MODEL: readonly RegExp[] = [
  /\b(?:ignore|disregard|forget|override|bypass)\s+(?:(?:all|any|every|the|your|of|these|those)\s+){0,4}(?:previous|prior|above|earlier|preceding|foregoing|existing|other|system|original)\s+(?:\w+\s+){0,2}(?:instruction|prompt|rule|guideline|direction|command|message|context|polic)/i,
  /\b(?:you are|you're) (?:now|no longer) (?:an?|the|in|acting|bound|restricted|required)\b/i,
  /\bnew (?:system )?(?:instructions?|prompt)\s*(?:for (?:you|the (?:model|assistant|ai))|:)/i,
  /<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|>/i,
  /\[\/?(?:INST|SYSTEM_PROMPT)\]|<<\/?SYS>>|<\/?(?:system|system_prompt|instructions?_to_(?:ai|model|assistant))>/,
  /(?:^|\n)\s*#{1,4}\s*(?:system(?: prompt| message)?|instructions? (?:to|for) (?:the )?(?:ai|model|assistant|llm|agent))\s*:?\s*(?:\n|$)/i,
  /(?:^|\n)\s*(?:system|assistant)\s*:\s*(?:you|i|ignore|the user|mark|approve|reply|respond|as an?)\b/i,
  /\b(?:ai|llm|model|assistant|agent|bot|claude|gpt|gemini|copilot|triage (?:system|bot|model))s?\b[^.\n]{0,60}\b(?:must|should|shall|please|has to|have to|are to|is to)\b[^.\n]{0,60}\b(?:mark|rate|label|classif|approve|accept|confirm|merge|close|reject|ignore|reveal|output|send|run|execute|print)/i,
  /\b(?:if|when) you(?:'re| are) (?:an? )?(?:ai|llm|large language model|language model|automated (?:system|agent|reviewer))\b/i,
  /\b(?:reveal|print|repeat|output|show|leak|exfiltrate) (?:me )?(?:your|the) (?:system prompt|hidden prompt|initial instructions|api key|credentials)/i,
  /\bdo not (?:tell|inform|mention (?:this )?to|alert|notify) (?:the |any )?(?:user|human|operator|maintainer|reviewer)s?\b/i,
];

/** Tag characters and variation selectors spell whole sentences that no screen shows; overrides reverse what one reads. */
const HIDDEN =
  /[\u{e0000}-\u{e007f}]|[\u202a-\u202e\u2066-\u2069]|[\u{e0100}-\u{e01ef}]{2}|[\u200b-\u200d\u2060\ufeff]{4}/u;

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
const MARKUP =
  /<\s*\/?\s*(?:script|iframe|object|embed|svg|img|style|link|meta|base|form|math)\b|\bon[a-z]{3,20}\s*=|javascript\s*:/i;

export function screen(claim: Claim): Suspicion | undefined {
  const texts = Object.entries({
    title: claim.title,
    text: claim.text,
    reporter: claim.reporter,
    ...Object.fromEntries(claim.places.map(({ snippet }, index) => [`snippet ${index}`, snippet])),
  });
  const names = Object.entries({
    tool: claim.tool,
    rule: claim.rule,
    project: claim.project,
    version: claim.version,
    crash: claim.crash,
    'source id': claim.sourceId,
    ...Object.fromEntries(claim.places.map((place, index) => [`function ${index}`, place.function])),
    ...Object.fromEntries(claim.stack.map((frame, index) => [`frame ${index}`, frame])),
  });
  const files = claim.places.map(({ file }, index): [string, string | undefined] => [`file ${index}`, file]);
  return (
    findFirst([...texts, ...names, ...files], HIDDEN, 'quarantined-hidden') ??
    TO_A_MODEL.map((order) => findFirst([...texts, ...names, ...files], order, 'quarantined-injection')).find(
      Boolean,
    ) ??
    findFirst([...names, ...files], MARKUP, 'quarantined-markup') ??
    findTrick(files)
  );
}

type Field = readonly [name: string, value: string | undefined];

function findFirst(fields: readonly Field[], sign: RegExp, reason: Suspicion['reason']): Suspicion | undefined {
  for (const [name, value] of fields) {
    const found = value === undefined ? undefined : sign.exec(value.slice(0, MAX_SEARCHED))?.[0];
    if (found !== undefined) return { reason, detail: `${name}: ${found.slice(0, SHOWN)}` };
  }
  return undefined;
}

const KNOWN_SCHEME = /^(?:file|https?|git|git\+https|ssh|pkg|repo|npm|maven|cpe|oci|docker):/i;
const SCHEME = /^[a-z][a-z0-9+.-]{1,30}:/i;
/** Places of a machine, not of a source tree; none of it is ever opened, but nobody reports a flaw there by accident. */
const MACHINE =
  /(?:^|[\\/])(?:etc\/(?:passwd|shadow|sudoers)|proc\/|sys\/|dev\/|root\/|\.ssh\/|\.aws\/|windows[\\/]system32)/i;

/** Undefined where a place is only a place. Climbing alone is none: logs of real tools name files beside their root. */
export function trickOf(file: string): string | undefined {
  if (CONTROLS.test(file)) return 'control characters in a path';
  const decoded = decode(file);
  if (decoded === undefined) return 'percent signs that decode to no text';
  if (CONTROLS.test(decoded)) return 'control characters in a path, encoded';
  if (climbs(decoded) && !climbs(file)) return 'a path that climbs, encoded';
  if (climbs(decoded) && MACHINE.test(decoded)) return 'a path that climbs to files of a machine';
  if (SCHEME.test(decoded) && !KNOWN_SCHEME.test(decoded) && !/^[a-z]:[\\/]/i.test(decoded)) {
    return SCRIPT.test(decoded) ? 'a scheme that runs or holds content' : undefined;
  }
  return undefined;
}

const SCRIPT = /^(?:javascript|data|vbscript|blob|jar|php|expect|phar|zip|gopher|dict|ldap):/i;
const climbs = (path: string): boolean => /(?:^|[\\/])\.\.(?:[\\/]|$)/.test(path);

/** Twice, because tools encode what was encoded. */
function decode(file: string): string | undefined {
  if (!/%[0-9a-f]{2}/i.test(file)) return file;
  try {
    return decodeURIComponent(decodeURIComponent(file).replace(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    return undefined;
  }
}

function findTrick(files: readonly Field[]): Suspicion | undefined {
  for (const [name, file] of files) {
    const trick = file === undefined ? undefined : trickOf(file);
    if (trick) return { reason: 'quarantined-path', detail: `${name}: ${trick}` };
  }
  return undefined;
}
