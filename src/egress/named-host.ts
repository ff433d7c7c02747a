/** Hosts that the operator named: requests to exactly these may reach addresses that are not public. */

/** `https://host:port`, the URL standard's origin. */
export type Origin = string;

/** The origins of the URLs an operator wrote into the configuration or the register of models. Throws on no URL. */
export function namedOrigins(urls: Iterable<string>): ReadonlySet<Origin> {
  return new Set(Array.from(urls, (url) => new URL(url).origin));
}
