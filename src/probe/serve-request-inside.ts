/**
 * One raw HTTP request over loopback, written byte by byte: clients tidy up `..` before they send. Runs inside the
 * sandbox.
 */
import net from 'node:net';
import tls from 'node:tls';

export interface RawAnswer {
  /** Status line, headers and body as they came, at most `ANSWER_BYTES`. */
  readonly text: string;
  /** True where the server kept silent until the time was up. */
  readonly silent: boolean;
}

const ANSWER_BYTES = 256 * 1024;
/** After the first bytes, a pause this long counts as the end of the answer. */
const PAUSE_MILLISECONDS = 60;

export interface RawRequest {
  readonly port: number;
  readonly secure: boolean;
  readonly target: string;
  readonly timeoutMilliseconds: number;
  /** The answer is complete once it holds this. */
  readonly until: string;
}

/** `world.onCrash` is set for the time of the request: after a crash of the target little more is to be waited for. */
export function sendRaw(request: RawRequest, world: { onCrash: () => void }): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const { port, secure, target } = request;
    const socket = secure
      ? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : net.connect({ port, host: '127.0.0.1' });
    let text = '';
    let ended = false;
    let pause: NodeJS.Timeout | undefined;
    const finish = (): void => {
      if (ended) return;
      ended = true;
      clearTimeout(limit);
      clearTimeout(pause);
      world.onCrash = () => undefined;
      socket.destroy();
      resolve({ text, silent: text === '' });
    };
    const limit = setTimeout(finish, request.timeoutMilliseconds);
    world.onCrash = () => {
      pause ??= setTimeout(finish, PAUSE_MILLISECONDS);
    };
    socket.on(secure ? 'secureConnect' : 'connect', () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nConnection: close\r\n\r\n`, 'latin1');
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.length > ANSWER_BYTES || text.includes(request.until)) finish();
      clearTimeout(pause);
      pause = setTimeout(finish, PAUSE_MILLISECONDS);
    });
    socket.on('error', finish);
    socket.on('close', finish);
  });
}
