/** `security.txt` (RFC 9116): where reports of flaws go. The same form on the public server and beside the report form. */

export interface SecurityText {
  /** In the order in which they are preferred; at least one. */
  readonly contacts: readonly string[];
  readonly expires: Date;
  /** Where this very file lies. */
  readonly canonical?: string | undefined;
  readonly encryption?: string | undefined;
  readonly policy?: string | undefined;
  readonly csaf?: string | undefined;
}

/** Days until it expires: RFC 9116 wants less than a year. */
export const SECURITY_TXT_DAYS = 180;

export function toSecurityText({ contacts, expires, canonical, encryption, policy, csaf }: SecurityText): string {
  const lines: readonly (readonly [string, string | undefined])[] = [
    ...contacts.map((contact) => ['Contact', contact] as const),
    ['Expires', expires.toISOString()],
    ['Encryption', encryption],
    ['Policy', policy],
    ['Preferred-Languages', 'en'],
    ['Canonical', canonical],
    ['CSAF', csaf],
  ];
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`])).join('');
}
