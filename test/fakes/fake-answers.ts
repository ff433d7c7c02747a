/**
 * Answers of the two model protocols, written by us after the types of the official clients: the bytes a provider would
 * send, and what it would bill for them. A piece of output is one token of at least four bytes.
 */
export interface FakeUsage {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly output: number;
}

export interface FakeAnswer {
  readonly model: string;
  readonly pieces: readonly string[];
  readonly thinking?: readonly string[];
  readonly tool?: { readonly name: string; readonly input: string };
  readonly usage: FakeUsage;
  readonly refusal?: { readonly category: string };
  readonly fallbackFrom?: { readonly model: string; readonly usage: FakeUsage };
}

export const PIECES = ['Once ', 'upon ', 'a midnight ', 'dreary — ', 'ψυχή\n\n', 'data: [DONE] ', '"\\u0041" ', 'end.'];

export function fakeAnswer(changes: Partial<FakeAnswer> = {}): FakeAnswer {
  const pieces = changes.pieces ?? PIECES;
  return {
    model: 'upstream-model',
    pieces,
    usage: { input: 40, cacheRead: 200, cacheWrite5m: 30, cacheWrite1h: 7, output: pieces.length + 3 },
    ...changes,
  };
}

const sse = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

function anthropicUsage({ input, cacheRead, cacheWrite5m, cacheWrite1h, output }: FakeUsage): object {
  return {
    input_tokens: input,
    cache_read_input_tokens: cacheRead,
    cache_creation_input_tokens: cacheWrite5m + cacheWrite1h,
    cache_creation: { ephemeral_5m_input_tokens: cacheWrite5m, ephemeral_1h_input_tokens: cacheWrite1h },
    output_tokens: output,
  };
}

function iterations({ model, usage, fallbackFrom }: FakeAnswer): object {
  if (!fallbackFrom) return {};
  return {
    iterations: [
      { type: 'message', model: fallbackFrom.model, ...anthropicUsage(fallbackFrom.usage) },
      { type: 'fallback_message', model, ...anthropicUsage(usage) },
    ],
  };
}

function stopOf({ refusal, tool }: FakeAnswer): object {
  if (refusal) {
    const details = { type: 'refusal', category: refusal.category, explanation: null };
    return { stop_reason: 'refusal', stop_sequence: null, stop_details: details };
  }
  return { stop_reason: tool ? 'tool_use' : 'end_turn', stop_sequence: null, stop_details: null };
}

export function anthropicEvents(answer: FakeAnswer): string[] {
  const { model, pieces, thinking, tool, usage } = answer;
  const events = [
    sse('message_start', {
      message: {
        ...{ id: 'msg_01', type: 'message', role: 'assistant', model, content: [], stop_reason: null },
        usage: anthropicUsage({ ...usage, output: 1 }),
      },
    }),
    sse('ping', {}),
  ];
  let index = 0;
  const block = (start: object, deltas: readonly object[]): void => {
    events.push(sse('content_block_start', { index, content_block: start }));
    for (const delta of deltas) events.push(sse('content_block_delta', { index, delta }));
    events.push(sse('content_block_stop', { index }));
    index += 1;
  };
  if (thinking) {
    const deltas = thinking.map((text) => ({ type: 'thinking_delta', thinking: text }));
    block({ type: 'thinking', thinking: '', signature: '' }, [
      ...deltas,
      { type: 'signature_delta', signature: 'c2ln' },
    ]);
  }
  const texts = pieces.map((text) => ({ type: 'text_delta', text }));
  if (texts.length > 0) block({ type: 'text', text: '' }, texts);
  if (tool) {
    const halves = [tool.input.slice(0, 5), tool.input.slice(5)];
    const deltas = halves.map((half) => ({ type: 'input_json_delta', partial_json: half }));
    block({ type: 'tool_use', id: 'toolu_01', name: tool.name, input: {} }, deltas);
  }
  const final = { ...anthropicUsage(usage), ...iterations(answer) };
  return [...events, sse('message_delta', { delta: stopOf(answer), usage: final }), sse('message_stop', {})];
}

export function anthropicBody(answer: FakeAnswer): string {
  const { model, pieces, thinking, tool, usage } = answer;
  const content = [
    ...(thinking ? [{ type: 'thinking', thinking: thinking.join(''), signature: 'c2ln' }] : []),
    ...(pieces.length > 0 ? [{ type: 'text', text: pieces.join('') }] : []),
    ...(tool ? [{ type: 'tool_use', id: 'toolu_01', name: tool.name, input: JSON.parse(tool.input) }] : []),
  ];
  const figures = { ...anthropicUsage(usage), ...iterations(answer) };
  return JSON.stringify({
    ...{ id: 'msg_01', type: 'message', role: 'assistant', model, content },
    ...stopOf(answer),
    usage: figures,
  });
}

const inputOf = ({ input, cacheRead, cacheWrite5m, cacheWrite1h }: FakeUsage): number =>
  input + cacheRead + cacheWrite5m + cacheWrite1h;

const inputDetails = ({ cacheRead, cacheWrite5m, cacheWrite1h }: FakeUsage): object => ({
  cached_tokens: cacheRead,
  cache_write_tokens: cacheWrite5m + cacheWrite1h,
  cache_write_tokens_details: { ttl_30m_tokens: cacheWrite5m, ttl_12h_tokens: cacheWrite1h },
});

function chatUsage(usage: FakeUsage): object {
  return {
    prompt_tokens: inputOf(usage),
    completion_tokens: usage.output,
    total_tokens: inputOf(usage) + usage.output,
    prompt_tokens_details: inputDetails(usage),
  };
}

const toolCall = ({ name, input }: { name: string; input: string }) => ({
  index: 0,
  id: 'call_01',
  type: 'function',
  function: { name, arguments: input },
});

/** `withUsage` as `stream_options.include_usage` asks for. */
export function chatEvents({ model, pieces, tool, usage }: FakeAnswer, withUsage: boolean): string[] {
  const empty = withUsage ? { usage: null } : {};
  const chunk = (choices: readonly object[], more: object = empty): string =>
    `data: ${JSON.stringify({ id: 'chatcmpl-01', object: 'chat.completion.chunk', created: 1, model, choices, ...more })}\n\n`;
  const choice = (delta: object, finish: string | null = null) => [{ index: 0, delta, finish_reason: finish }];
  return [
    chunk(choice({ role: 'assistant', content: '' })),
    ...pieces.map((content) => chunk(choice({ content }))),
    ...(tool ? [chunk(choice({ tool_calls: [toolCall(tool)] }))] : []),
    chunk(choice({}, tool ? 'tool_calls' : 'stop')),
    ...(withUsage ? [chunk([], { usage: chatUsage(usage) })] : []),
    'data: [DONE]\n\n',
  ];
}

export function chatBody({ model, pieces, tool, usage }: FakeAnswer): string {
  const calls = tool ? { tool_calls: [toolCall(tool)] } : {};
  const message = { role: 'assistant', content: pieces.join(''), refusal: null, ...calls };
  const choices = [{ index: 0, message, finish_reason: tool ? 'tool_calls' : 'stop', logprobs: null }];
  const usageFigures = chatUsage(usage);
  return JSON.stringify({
    id: 'chatcmpl-01',
    object: 'chat.completion',
    created: 1,
    model,
    choices,
    usage: usageFigures,
  });
}

function responseOf({ model, pieces, usage }: FakeAnswer, isDone: boolean): object {
  const content = [{ type: 'output_text', text: pieces.join(''), annotations: [] }];
  const output = isDone ? [{ type: 'message', id: 'msg_01', role: 'assistant', status: 'completed', content }] : [];
  const figures = {
    input_tokens: inputOf(usage),
    input_tokens_details: inputDetails(usage),
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputOf(usage) + usage.output,
  };
  const status = isDone ? 'completed' : 'in_progress';
  return { id: 'resp_01', object: 'response', created_at: 1, model, status, output, usage: isDone ? figures : null };
}

export function responsesEvents(answer: FakeAnswer): string[] {
  let sequence = 0;
  const event = (type: string, data: object): string => {
    sequence += 1;
    return sse(type, { sequence_number: sequence, ...data });
  };
  const at = { item_id: 'msg_01', output_index: 0, content_index: 0 };
  const item = { type: 'message', id: 'msg_01', role: 'assistant', status: 'in_progress', content: [] };
  const part = { type: 'output_text', text: '', annotations: [] };
  return [
    event('response.created', { response: responseOf(answer, false) }),
    event('response.output_item.added', { output_index: 0, item }),
    event('response.content_part.added', { ...at, part }),
    ...answer.pieces.map((delta) => event('response.output_text.delta', { ...at, delta, logprobs: [] })),
    event('response.output_text.done', { ...at, text: answer.pieces.join(''), logprobs: [] }),
    event('response.completed', { response: responseOf(answer, true) }),
  ];
}

export const responsesBody = (answer: FakeAnswer): string => JSON.stringify(responseOf(answer, true));

/** As a provider's invoice would: exact, in micro-dollars, rounded up once. Written apart from the product's own sum. */
export function invoiceMicro(usage: FakeUsage, prices: FakeUsage): number {
  const classes = ['input', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h', 'output'] as const;
  let millionths = 0;
  for (const each of classes) millionths += usage[each] * prices[each];
  return Math.ceil(millionths / 1e6);
}
