/**
 * Is this an address on the public Internet? Everything with a special purpose (IANA registries, RFC 6890 and its
 * updates) is not: loopback, private, link-local (where clouds keep their metadata), shared, multicast, documentation,
 * and the forms that carry an IPv4 address inside an IPv6 one.
 */
import ipaddr from 'ipaddr.js';

/** Public by their registry, yet answered by the host's own cloud with its credentials. */
const METADATA = new Set(['168.63.129.16', '100.100.100.200', '192.0.0.192']);
/** The only block that global unicast addresses are given out from (RFC 4291, IANA). */
const GLOBAL_UNICAST_6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Fails closed: what cannot be read as an address is not public. */
export function isPublicAddress(text: string): boolean {
  // The short, octal and decimal spellings of IPv4 are read by some resolvers and not by others.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address.range() !== 'unicast' || METADATA.has(address.toString())) return false;
  return address.kind() === 'ipv4' || (address as ipaddr.IPv6).match(GLOBAL_UNICAST_6);
}
