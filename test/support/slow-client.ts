/** A client over a bare socket that says what it is told and then waits to be cut off. */
import { connect } from 'node:net';

/** All that the server said until it closed the connection. Rejects where it did not within ten seconds. */
export function untilCutOff(url: string, said: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
      if (said !== '') socket.write(said);
    });
    let text = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error('the server never let go'));
    }, 10_000);
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}
