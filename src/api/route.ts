/** One route of the API: what it asks for, what it checks, what it answers. The document and the server read the same. */
import { z } from 'zod';
import { type AnyRefusal, toProblem } from '../http/index.ts';
import type { Result } from '../lib/result.ts';
import type { Person } from '../program/index.ts';
import type { Act, Present } from '../signin/index.ts';

/** What a route demands of who calls it. There is no route without one. */
export type Access = Act | 'signed-in' | 'everyone';

export interface ApiCaller {
  readonly token: string;
  readonly person: Person;
  readonly session: Present['session'];
  readonly roles: Present['roles'];
}

export interface Call<Path, Query, Body> {
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  readonly caller: ApiCaller;
  /** Of `if-match`; undefined where any version will do. */
  readonly ifMatch: string | undefined;
  /** SHA-256 over the caller and their idempotency key; undefined where there is none. */
  readonly request: Uint8Array | undefined;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** An answer in a form that JSON has; never anything that the schema does not name. */
export interface ApiRoute {
  readonly method: Method;
  /** Below the prefix, with `:name` for what is asked of the path. */
  readonly url: string;
  readonly access: Access;
  readonly summary: string;
  readonly tag: string;
  readonly path: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: z.ZodType | undefined;
  readonly status: 200 | 201;
  readonly answer: z.ZodType;
  /** Takes an `Idempotency-Key`. */
  readonly isOnce: boolean;
  /** The browser forgets its cookie with the answer. */
  readonly endsSession: boolean;
  readonly bodyLimitBytes: number;
  readonly handle: (call: Call<never, never, never>) => Promise<unknown>;
}

interface RouteInput<
  Path extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> {
  readonly method: Method;
  readonly url: string;
  readonly access: Access;
  readonly summary: string;
  readonly path?: Path;
  readonly query?: Query;
  readonly body?: Body;
  readonly status?: 200 | 201;
  readonly answer: Answer;
  readonly isOnce?: boolean;
  readonly endsSession?: boolean;
  readonly bodyLimitBytes?: number;
  readonly handle: (call: Call<z.output<Path>, z.output<Query>, z.output<Body>>) => Promise<z.input<Answer>>;
}

const NOTHING = z.strictObject({});
const BODY_LIMIT_BYTES = 256 * 1024;

/** The tag is the noun of the path. */
export function route<
  Answer extends z.ZodType,
  Path extends z.ZodObject = typeof NOTHING,
  Query extends z.ZodObject = typeof NOTHING,
  Body extends z.ZodType = typeof NOTHING,
>(it: RouteInput<Path, Query, Body, Answer>): ApiRoute {
  return {
    ...it,
    tag: it.url.split('/')[1] ?? '',
    path: it.path ?? NOTHING,
    query: it.query ?? NOTHING,
    body: it.body,
    status: it.status ?? 200,
    isOnce: it.isOnce ?? false,
    endsSession: it.endsSession ?? false,
    bodyLimitBytes: it.bodyLimitBytes ?? BODY_LIMIT_BYTES,
    handle: it.handle as ApiRoute['handle'],
  };
}

/** Carries a refusal to the one place that writes problems. */
export class ApiRefused extends Error {
  override readonly name = 'ApiRefused';
  readonly refusal: AnyRefusal;

  constructor(refusal: AnyRefusal) {
    super(toProblem(refusal).detail);
    this.refusal = refusal;
  }
}

/** The value, or the end of the request with the reason. */
export function settled<T>(outcome: Result<T, AnyRefusal>): T {
  if (outcome.ok) return outcome.value;
  throw new ApiRefused(outcome.refusal);
}
