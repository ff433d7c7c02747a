/**
 * A mail server that can fail in four ways: it refuses, hangs up before it has the message, hangs up after it has it
 * (the answer is lost), or answers twice. It has no accounts and no TLS. Its mailbox merges messages of one Message-ID, as mail systems do.
 */
import { createServer, type Socket } from 'node:net';

export type SmtpFault = 'none' | 'refuse' | 'lose-before' | 'lose-after' | 'answer-twice';

export async function startFakeSmtp() {
  const faults: SmtpFault[] = [];
  const received: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    serve(socket, () => faults.shift() ?? 'none', received);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('the fake mail server has no port');
  return {
    port: address.port,
    /** What the next deliveries meet, in order; afterwards all goes well. */
    failWith: (...next: SmtpFault[]) => void faults.push(...next),
    /** Every message that arrived, repeats among them. */
    received,
    /** How often anybody has connected. */
    connections: (): number => connections,
    /** Message-IDs as a mailbox shows them. */
    mailbox: (): readonly string[] => [...new Set(received.map((raw) => /^Message-ID: (.+)$/im.exec(raw)?.[1] ?? ''))],
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(socket: Socket, takeFault: () => SmtpFault, received: string[]): void {
  let buffered = '';
  let inData = false;
  let fault: SmtpFault = 'none';
  const say = (line: string) => void socket.write(`${line}\r\n`);
  const take = (line: string): void => {
    if (/^(EHLO|HELO)/i.test(line)) say('250 fake');
    else if (/^MAIL FROM/i.test(line)) {
      fault = takeFault();
      say('250 ok');
    } else if (/^RCPT TO/i.test(line)) say(fault === 'refuse' ? '550 no such user' : '250 ok');
    else if (/^DATA/i.test(line)) {
      if (fault === 'lose-before') socket.destroy();
      else {
        inData = true;
        say('354 go on');
      }
    } else if (/^AUTH/i.test(line)) say('535 no such account');
    else if (/^STARTTLS/i.test(line)) say('502 no TLS here');
    else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
    else say('250 ok');
  };
  say('220 fake');
  socket.on('data', (chunk) => {
    buffered += chunk.toString('utf8');
    for (;;) {
      const end = buffered.indexOf(inData ? '\r\n.\r\n' : '\r\n');
      if (end < 0) return;
      const part = buffered.slice(0, end);
      buffered = buffered.slice(end + (inData ? 5 : 2));
      if (!inData) take(part);
      else {
        inData = false;
        received.push(part);
        if (fault === 'lose-after') socket.destroy();
        else say(fault === 'answer-twice' ? '250 taken\r\n250 taken' : '250 taken');
      }
    }
  });
}
