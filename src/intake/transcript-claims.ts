/** Samples of evaluation logs as Inspect writes them (`inspect log dump`): what the model said last is the report. */
import { aliasesIn, asArray, asObject, asText, at, cwesIn } from '../formats/loose.ts';
import { type Claim, clip, clipText, clipTitle } from './claim.ts';

/** Undefined where it is no sample of such a log. Without an answer, the claim is empty. */
export function transcriptClaim(value: unknown, list: unknown): Claim | undefined {
  const sample = asObject(value);
  if (
    !sample ||
    !(Array.isArray(sample.messages) || asObject(sample.output)) ||
    (list !== 'samples' && !sample.output)
  ) {
    return undefined;
  }
  const answer = answerOf(sample.output) ?? lastOf(sample.messages) ?? '';
  const lines = answer.split('\n').map((line) => line.replace(/^[#>*\-\s]+/, '').trim());
  const id = asText(sample.uuid) ?? [sample.id, sample.epoch].filter((part) => part !== undefined).join('/');
  return {
    title: clipTitle(lines.find((line) => line !== '') ?? ''),
    text: clipText(answer),
    tool: clip(asText(at(sample.output, 'model')) ?? 'transcript'),
    cwes: cwesIn([answer]),
    aliases: aliasesIn([answer]),
    project: clip(asText(at(sample.metadata, 'project')) ?? asText(at(sample.metadata, 'target'))),
    places: [],
    stack: [],
    fingerprints: {},
    sourceId: clip(id),
    isByModel: true,
  };
}

function answerOf(output: unknown): string | undefined {
  return asText(at(output, 'completion')) ?? contentOf(at(asArray(at(output, 'choices'))[0], 'message', 'content'));
}

function lastOf(messages: unknown): string | undefined {
  const said = asArray(messages).filter((message) => at(message, 'role') === 'assistant');
  return contentOf(at(said.at(-1), 'content'));
}

function contentOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content === '' ? undefined : content;
  const texts = asArray(content).flatMap((part) =>
    at(part, 'type') === 'text' ? [asText(at(part, 'text')) ?? ''] : [],
  );
  return asText(texts.join('\n'));
}
