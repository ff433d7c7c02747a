/** A provider that takes its time: 40 events, one every 25 ms, each on a wire of its own. Prints its address. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const EVENTS = 40;
const PACE_MS = 25;
const DELTA = `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'some words ' } })}\n\n`;
const START = `event: message_start\ndata: ${JSON.stringify({ type: 'message_start', message: { id: 'msg_0', type: 'message', role: 'assistant', model: 'bench-model', content: [], usage: { input_tokens: 412, output_tokens: 1 } } })}\n\n`;
const END = `event: message_delta\ndata: ${JSON.stringify({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 80 } })}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n`;

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(START);
    let sent = 1;
    const timer = setInterval(() => {
      sent += 1;
      if (sent < EVENTS) return void response.write(DELTA);
      clearInterval(timer);
      response.end(END);
    }, PACE_MS);
    response.on('close', () => clearInterval(timer));
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
