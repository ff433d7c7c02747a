/** The frameworks that come with the program. Each is read like any other file; one that could not be read would be a bug. */
import type { Json } from '../lib/canonical-json.ts';
import type { Framework } from './framework.ts';
import anthropicCvd from './frameworks/anthropic-cvd-clocks.json' with { type: 'json' };
import anthropicRsp from './frameworks/anthropic-rsp-3.4.json' with { type: 'json' };
import californiaSb53 from './frameworks/california-sb53-clocks.json' with { type: 'json' };
import disclosureNorms from './frameworks/disclosure-norms-clocks.json' with { type: 'json' };
import euCra from './frameworks/eu-cra-clocks.json' with { type: 'json' };
import euGpaiCode from './frameworks/eu-gpai-code-clocks.json' with { type: 'json' };
import googleFsf from './frameworks/google-fsf-3.1.json' with { type: 'json' };
import house from './frameworks/house-2.json' with { type: 'json' };
import newYorkRaise from './frameworks/new-york-raise-clocks.json' with { type: 'json' };
import openaiPreparedness from './frameworks/openai-preparedness-2.json' with { type: 'json' };
import { readFrameworkValue } from './read-framework.ts';

const FILES: readonly unknown[] = [
  anthropicRsp,
  openaiPreparedness,
  googleFsf,
  house,
  euGpaiCode,
  californiaSb53,
  newYorkRaise,
  euCra,
  anthropicCvd,
  disclosureNorms,
];

/** The documents themselves, by id. */
export const shippedDocuments: ReadonlyMap<string, Json> = new Map(
  FILES.map((file) => [(file as { readonly id: string }).id, file as Json]),
);

/** By id. Throws where one of them cannot be read. */
export function shippedFrameworks(): ReadonlyMap<string, Framework> {
  return new Map(
    [...shippedDocuments].map(([id, document]) => {
      const read = readFrameworkValue(document);
      if (!read.ok) throw new Error(`${id}, shipped, cannot be read: ${read.refusal.place}: ${read.refusal.why}`);
      return [id, read.value];
    }),
  );
}
