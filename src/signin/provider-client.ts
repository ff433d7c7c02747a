/** Talks to an OpenID provider: authorization code flow with PKCE, state and nonce (OpenID Connect Core, RFC 9700). */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { type Egress, explainEgress } from '../egress/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import type { Login, Provider } from './provider-store.ts';

export interface ProviderRefusal {
  readonly kind: 'provider-refused';
  readonly why: string;
}

export interface ProviderClientParts {
  readonly egress: Egress;
  /** Undefined where the variable is not set. */
  readonly findSecret: (variable: string) => Secret | undefined;
  readonly redirectUri: () => string;
}

export interface Claims {
  readonly subject: string;
  /** Only where the provider says that it is verified. */
  readonly email: string | undefined;
  readonly amr: unknown;
  readonly acr: unknown;
}

export type ProviderClient = ReturnType<typeof createProviderClient>;

export function createProviderClient({ egress, findSecret, redirectUri }: ProviderClientParts) {
  async function discover({ issuer, clientId, secretEnv }: Provider): Promise<Configuration> {
    const secret = findSecret(secretEnv);
    if (!secret) throw new Error(`the variable ${secretEnv} is not set`);
    return await discovery(new URL(issuer), clientId, {}, ClientSecretPost(secret.reveal()), {
      [customFetch]: fetchBy(egress),
      // A provider without TLS is reached only where the operator named it: egress decides.
      execute: issuer.startsWith('http://') ? [allowInsecureRequests] : [],
    });
  }
  const refused = (error: unknown) =>
    refuse<ProviderRefusal>({ kind: 'provider-refused', why: error instanceof Error ? reasonOf(error) : 'no reason' });

  return {
    /** Where to send the person, and what to remember until they come back. */
    async begin(
      provider: Provider,
      email: string,
    ): Promise<
      Result<
        { readonly url: string; readonly state: string; readonly login: Omit<Login, 'expiresAt'> },
        ProviderRefusal
      >
    > {
      try {
        const configuration = await discover(provider);
        const [state, nonce, codeVerifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
        const url = buildAuthorizationUrl(configuration, {
          redirect_uri: redirectUri(),
          scope: 'openid email',
          state,
          nonce,
          code_challenge: await calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
          login_hint: email,
        });
        return ok({ url: url.href, state, login: { organisation: provider.organisation, nonce, codeVerifier } });
      } catch (error) {
        return refused(error);
      }
    },

    /** `query` is what the provider's redirect brought. */
    async finish(
      provider: Provider,
      login: Login,
      query: string,
      state: string,
    ): Promise<Result<Claims, ProviderRefusal>> {
      try {
        const tokens = await authorizationCodeGrant(await discover(provider), new URL(`?${query}`, redirectUri()), {
          pkceCodeVerifier: login.codeVerifier,
          expectedState: state,
          expectedNonce: login.nonce,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (!claims) return refused(new Error('no ID token'));
        const { sub, email, email_verified: isVerified, amr, acr } = claims;
        return ok({
          subject: sub,
          email: typeof email === 'string' && isVerified === true ? email : undefined,
          amr,
          acr,
        });
      } catch (error) {
        return refused(error);
      }
    },
  };
}

/** Its message, and of an error that wraps another the reason below it. No token is in either. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function fetchBy(egress: Egress) {
  return async (
    url: string,
    options: {
      readonly method?: string;
      readonly headers?: Readonly<Record<string, string>> | Headers;
      readonly body?: unknown;
    },
  ): Promise<Response> => {
    const body = options.body == null ? undefined : String(options.body);
    const answer = await egress.request({
      url,
      method: options.method === 'POST' ? 'POST' : 'GET',
      headers: Object.fromEntries(
        new Headers(options.headers instanceof Headers ? options.headers : { ...options.headers }),
      ),
      maxRedirects: 0,
      ...(body !== undefined && { body }),
    });
    if (!answer.ok) throw new Error(explainEgress(answer.refusal));
    const { status, headers } = answer.value;
    const flat = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]);
    return new Response(answer.value.body.length === 0 ? null : new Uint8Array(answer.value.body), {
      status,
      headers: flat,
    });
  };
}
