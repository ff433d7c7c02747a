/** The servers of a role, on loopback. */
import { openCaseApi } from './case-api.ts';
import type { Addresses, Role, ServeParts } from './cli/index.ts';
import { CommandEnd } from './cli/index.ts';
import { addConsole } from './console.ts';
import type { Demonstrating } from './demonstrating.ts';
import { addReportForm, type Doors, openDoors, openMail } from './doors.ts';
import { openGate } from './gate.ts';
import {
  addMaintainerRoutes,
  createPublicServer,
  createStatusServer,
  listenOnLoopback,
  PortInUse,
} from './http/index.ts';
import type { Parts } from './parts.ts';
import { openProgramme } from './programme.ts';
import type { Session } from './session.ts';
import { claimRole } from './store/instance.ts';

export function createServing(
  parts: Parts,
  session: () => Promise<Session>,
  demonstrating: Pick<Demonstrating, 'serveProvider' | 'status'>,
): Pick<ServeParts, 'open' | 'untilStopped'> {
  const { terminal } = parts;
  return {
    async open(role: Role, port: number, profile): Promise<Addresses> {
      const home = await parts.home();
      // Any number of gateways share a data directory; each has a journal of its own.
      if (role !== 'gateway') {
        const claim = await claimRole(home.path, role === 'all' ? 'serve' : `serve-${role}`);
        parts.onClose(() => claim.release());
      }
      const next = port === 0 ? 0 : port + 1;
      const publicUrl = role === 'all' || role === 'public' ? await openPublic(parts, home.public, next) : null;
      const gatewayUrl =
        role === 'all' || role === 'gateway' ? await openGateway(parts, port === 0 ? 0 : port + 2) : null;
      const urls = { public: publicUrl, gateway: gatewayUrl };
      const isWeb = role === 'all' || role === 'web';
      const doors = isWeb ? await openDoors(parts, (await session()).services) : undefined;
      const consoleUrl = doors ? await openStatus(parts, session, demonstrating, port, { ...urls, doors }) : null;
      const mail = doors ? await openMail(parts, doors) : null;
      if (role === 'all' || role === 'worker') {
        const { services, startWorkers } = await session();
        await demonstrating.serveProvider();
        await startWorkers({ profile, registry: parts.registry(), onEvent: () => {} });
        await services.publishing.writeStanding();
      }
      return { console: consoleUrl, gateway: gatewayUrl, public: publicUrl, mail };
    },

    untilStopped: () =>
      new Promise<void>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
          process.once(signal, () => {
            terminal.say(`${signal}: stopping`);
            resolve();
          });
        }
      }),
  };
}

async function openPublic(parts: Parts, directory: string, port: number): Promise<string> {
  const server = await createPublicServer({ directory });
  parts.onClose(() => server.close());
  return await listening(() => listenOnLoopback(server, port));
}

async function openGateway(parts: Parts, port: number): Promise<string> {
  const gate = await openGate(parts);
  return await listening(() => listenOnLoopback(gate.server, port));
}

async function openStatus(
  parts: Parts,
  session: () => Promise<Session>,
  demonstrating: Pick<Demonstrating, 'status'>,
  port: number,
  { doors, ...urls }: { readonly public: string | null; readonly gateway: string | null; readonly doors: Doors },
): Promise<string> {
  const { services } = await session();
  const programme = await openProgramme(parts);
  let console = '';
  const server = createStatusServer({
    readStatus: async () => {
      const status = await services.reports.status();
      return status && { ...status, release: await demonstrating.status() };
    },
    publicUrl: () => urls.public ?? '',
    onFault: (error) => parts.terminal.say(`status page: ${error instanceof Error ? error.message : String(error)}`),
  });
  await addMaintainerRoutes(server, services.maintainerPages);
  // A browser keeps passkeys for names, not for addresses.
  const origin = () => parts.config.origin ?? console.replace('127.0.0.1', 'localhost');
  await addReportForm(server, parts, doors, () => parts.config.origin ?? console);
  await addConsole(server, parts, programme, {
    cases: await openCaseApi(parts, services, () => parts.config.origin ?? console),
    origin,
    gateUrl: () => parts.config.gatewayOrigin ?? urls.gateway ?? '',
  });
  parts.onClose(() => server.close());
  console = await listening(() => listenOnLoopback(server, port));
  return console;
}

async function listening(listen: () => Promise<string>): Promise<string> {
  try {
    return await listen();
  } catch (error) {
    if (error instanceof PortInUse) throw new CommandEnd('conflict', error.message);
    throw error;
  }
}
