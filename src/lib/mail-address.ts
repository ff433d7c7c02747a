/** One bare mail address, ASCII, as the HTML standard allows it in a form: no name, no list, nothing to end a header. */

/** RFC 5321 section 4.5.3.1.3, less the angle brackets. */
const MAX_LENGTH = 254;

const ADDRESS =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

export const isMailAddress = (text: string): boolean => text.length <= MAX_LENGTH && ADDRESS.test(text);
