/** A real OpenID provider (oidc-provider) on loopback that signs in whoever asks, as the test says. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export interface Account {
  readonly sub: string;
  readonly email: string;
  readonly email_verified: boolean;
}

export interface OpenIdProvider {
  readonly issuer: string;
  /** Whoever comes next is this. */
  account: Account;
  amr: string[];
  /** Walks the authorization like a browser; gives the address it is sent back to. */
  follow(url: string): Promise<string>;
  close(): Promise<void>;
}

export async function startOpenIdProvider(client: {
  readonly id: string;
  readonly secret: string;
  readonly redirectUri: string;
}): Promise<OpenIdProvider> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const it: OpenIdProvider = {
    issuer,
    account: { sub: 'subject-1', email: 'ada@acme.example', email_verified: true },
    amr: ['pwd'],
    follow,
    close: () => new Promise((done) => server.close(() => done())),
  };
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: [client.redirectUri],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub', 'amr'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: async () => ({ ...it.account, sub, amr: it.amr }),
    }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ['test'] },
    jwks: undefined,
  });
  const callback = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return void callback(request, response);
    const { prompt, params, grantId } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
      const login = { accountId: it.account.sub, amr: it.amr };
      return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
    }
    const grant =
      (grantId && (await provider.Grant.find(grantId))) ||
      new provider.Grant({ accountId: it.account.sub, clientId: String(params.client_id) });
    grant.addOIDCScope('openid email');
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  });
  return it;

  async function follow(url: string): Promise<string> {
    const cookies = new Map<string, string>();
    let next = url;
    for (let hop = 0; hop < 10 && next.startsWith(issuer); hop++) {
      const answer = await fetch(next, {
        redirect: 'manual',
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        cookies.set(name, value);
      }
      const location = answer.headers.get('location');
      if (!location) throw new Error(`the provider answered ${answer.status}: ${await answer.text()}`);
      next = new URL(location, next).href;
    }
    return next;
  }
}
