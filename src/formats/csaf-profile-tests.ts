/** Mandatory tests 6.1.26 and 6.1.27 of CSAF 2.0: what each profile asks for. */
import { type Breach, type CsafDocument, type CsafTest, productsNamed, vulnerabilitiesOf } from './csaf-shape.ts';

const PROFILES = [
  'csaf_informational_advisory',
  'csaf_security_advisory',
  'csaf_security_incident_response',
  'csaf_vex',
];
const ADVISORY = ['csaf_security_advisory', 'csaf_vex'];
const TEXTS = ['csaf_informational_advisory', 'csaf_security_incident_response'];

const breach = (path: string, message: string): Breach[] => [{ path, message }];

/** The test, for documents of these profiles only. */
const within =
  (profiles: readonly string[], test: CsafTest): CsafTest =>
  (it) =>
    profiles.includes(it.document.category) ? test(it) : [];

/** 6.1.26: a category of one's own that could be mistaken for a profile. */
const distinctCategory: CsafTest = ({ document: { category } }) => {
  if (PROFILES.includes(category) || category === 'csaf_base') return [];
  const plain = (name: string) =>
    name
      .toLowerCase()
      .replaceAll(/[-_\s]+/g, '')
      .replace(/^csaf/, '');
  const isTaken = /^csaf_/i.test(category) || PROFILES.some((profile) => plain(profile) === plain(category));
  return isTaken ? breach('/document/category', `${category} is, or looks like, the name of a profile`) : [];
};

const NOTE_CATEGORIES = ['description', 'details', 'general', 'summary'];

/** Each product of this status has a statement of this kind. */
function withoutStatement(
  it: CsafDocument,
  status: string,
  statements: (vulnerability: ReturnType<typeof vulnerabilitiesOf>[number]['value']) => readonly string[],
  message: string,
): Breach[] {
  return vulnerabilitiesOf(it).flatMap(({ path, value }) => {
    const stated = new Set(statements(value));
    return (value.product_status?.[status] ?? [])
      .filter((id) => !stated.has(id))
      .flatMap((id) => breach(`${path}/product_status/${status}`, `${message} for ${id}`));
  });
}

const lacking =
  (part: 'notes' | 'product_status'): CsafTest =>
  (it) =>
    vulnerabilitiesOf(it)
      .filter(({ value }) => value[part] === undefined)
      .flatMap(({ path }) => breach(path, `${part} is missing`));

export const PROFILE_TESTS: Readonly<Record<string, CsafTest>> = {
  '6.1.26': distinctCategory,
  '6.1.27.1': within(TEXTS, ({ document: { notes = [] } }) =>
    notes.some(({ category }) => NOTE_CATEGORIES.includes(category))
      ? []
      : breach('/document/notes', 'no note that tells anything'),
  ),
  '6.1.27.2': within(TEXTS, ({ document: { references = [] } }) =>
    references.some(({ category = 'external' }) => category === 'external')
      ? []
      : breach('/document/references', 'no external reference'),
  ),
  '6.1.27.3': within(['csaf_informational_advisory'], ({ vulnerabilities }) =>
    vulnerabilities ? breach('/vulnerabilities', 'an informational advisory lists no vulnerability') : [],
  ),
  '6.1.27.4': within(ADVISORY, ({ product_tree }) => (product_tree ? [] : breach('/product_tree', 'is missing'))),
  '6.1.27.5': within(ADVISORY, lacking('notes')),
  '6.1.27.6': within(['csaf_security_advisory'], lacking('product_status')),
  '6.1.27.7': within(['csaf_vex'], (it) =>
    vulnerabilitiesOf(it)
      .filter(({ value: { product_status = {} } }) =>
        ['fixed', 'known_affected', 'known_not_affected', 'under_investigation'].every((name) => !product_status[name]),
      )
      .flatMap(({ path }) => breach(`${path}/product_status`, 'no status that VEX knows')),
  ),
  '6.1.27.8': within(['csaf_vex'], (it) =>
    vulnerabilitiesOf(it)
      .filter(({ value }) => value.cve === undefined && value.ids === undefined)
      .flatMap(({ path }) => breach(path, 'neither cve nor ids')),
  ),
  '6.1.27.9': within(['csaf_vex'], (it) =>
    withoutStatement(
      it,
      'known_not_affected',
      ({ flags = [], threats = [] }) =>
        [...flags, ...threats.filter(({ category }) => category === 'impact')].flatMap((each) =>
          productsNamed(it, each),
        ),
      'no impact statement',
    ),
  ),
  '6.1.27.10': within(['csaf_vex'], (it) =>
    withoutStatement(
      it,
      'known_affected',
      ({ remediations = [] }) => remediations.flatMap((each) => productsNamed(it, each)),
      'no action statement',
    ),
  ),
  '6.1.27.11': within(ADVISORY, ({ vulnerabilities }) =>
    vulnerabilities ? [] : breach('/vulnerabilities', 'is missing'),
  ),
};
