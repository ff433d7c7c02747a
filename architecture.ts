/**
 * Which modules each module may import. Read top down: nothing imports from below its own line.
 *
 * Three modules differ from the first plan, to keep every one below 15 files: what is under examination (`target`) and
 * how code is driven with canaries (`probe`) stand apart from the search itself (`finder`), and the check of a patch
 * (`patch`) from the proof of a flaw (`verify`). `campaign` carries a finding from one module to the next. The programme
 * is two modules for the same reason: what a gateway knows of it (`program`, read on every call) and who changes it
 * (`membership`).
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  formats: ['lib'],
  store: ['lib'],
  timekeeping: ['lib', 'store'],
  sandbox: ['lib'],
  tlog: ['lib', 'store'],
  target: ['lib', 'formats', 'sandbox'],
  probe: ['lib', 'formats'],
  finder: ['lib', 'store', 'formats', 'sandbox', 'target', 'probe'],
  verify: ['lib', 'store', 'formats', 'sandbox', 'target', 'probe', 'finder'],
  patch: ['lib', 'store', 'formats', 'sandbox', 'target', 'probe', 'finder', 'verify'],
  egress: ['lib'],
  duplicates: ['lib'],
  triage: ['lib', 'store', 'formats', 'egress', 'duplicates'],
  intake: ['lib', 'store', 'formats', 'egress', 'duplicates'],
  contact: ['lib', 'store', 'formats', 'egress'],
  inbound: ['lib', 'store', 'formats', 'intake', 'contact'],
  disclosure: ['lib', 'store', 'timekeeping', 'formats', 'tlog', 'verify', 'patch', 'contact'],
  readiness: ['lib', 'store', 'formats', 'timekeeping', 'disclosure'],
  coordination: ['lib', 'store', 'timekeeping', 'formats', 'contact', 'disclosure'],
  followup: ['lib', 'store', 'formats', 'egress', 'target', 'verify', 'patch', 'contact', 'disclosure'],
  secondlook: ['lib', 'store', 'formats'],
  pacing: ['lib', 'store', 'formats'],
  simulate: ['lib', 'pacing'],
  exposure: ['lib', 'store', 'formats', 'timekeeping', 'contact', 'disclosure', 'coordination'],
  publish: ['lib', 'store', 'formats', 'tlog', 'disclosure'],
  campaign: [
    'lib',
    'store',
    'formats',
    'sandbox',
    'tlog',
    'target',
    'finder',
    'verify',
    'patch',
    'disclosure',
    'publish',
  ],
  policy: ['lib', 'formats'],
  dialect: ['lib'],
  scope: ['lib', 'store', 'formats', 'tlog', 'egress'],
  signin: ['lib', 'store', 'egress'],
  ledger: ['lib', 'store'],
  funding: ['lib', 'store', 'ledger'],
  journal: ['lib', 'store', 'tlog'],
  program: ['lib', 'store'],
  membership: ['lib', 'store', 'tlog', 'program'],
  release: ['lib', 'store', 'tlog', 'policy', 'program'],
  incident: ['lib', 'store', 'tlog', 'policy', 'release'],
  rollout: ['lib', 'store', 'timekeeping', 'tlog', 'policy', 'program', 'journal', 'release'],
  vetting: ['lib', 'store', 'tlog', 'program', 'membership'],
  assurance: ['lib', 'policy', 'release', 'incident'],
  demonstration: ['lib', 'formats', 'ledger', 'program', 'membership', 'tlog', 'policy', 'release', 'incident'],
  telemetry: ['lib'],
  gateway: ['lib', 'dialect', 'ledger', 'journal', 'program', 'telemetry'],
  http: [
    'lib',
    'formats',
    'store',
    'tlog',
    'signin',
    'intake',
    'inbound',
    'disclosure',
    'coordination',
    'pacing',
    'exposure',
    'publish',
    'campaign',
    'program',
    'membership',
    'vetting',
    'ledger',
    'funding',
    'scope',
  ],
  api: [
    'lib',
    'store',
    'triage',
    'intake',
    'contact',
    'disclosure',
    'readiness',
    'coordination',
    'pacing',
    'exposure',
    'program',
    'membership',
    'vetting',
    'ledger',
    'funding',
    'scope',
    'signin',
    'http',
  ],
  cli: [
    'lib',
    'formats',
    'duplicates',
    'store',
    'timekeeping',
    'sandbox',
    'tlog',
    'target',
    'probe',
    'finder',
    'verify',
    'patch',
    'triage',
    'intake',
    'contact',
    'inbound',
    'disclosure',
    'readiness',
    'coordination',
    'followup',
    'secondlook',
    'pacing',
    'simulate',
    'exposure',
    'publish',
    'campaign',
    'policy',
    'release',
    'incident',
    'rollout',
    'assurance',
    'scope',
    'signin',
    'program',
    'membership',
    'vetting',
    'ledger',
    'funding',
    'journal',
    'http',
  ],
};

/** Files a module may have without a reason, tests not counted. */
export const MODULE_FILES = 15;

/** Larger modules that stay whole, each with its reason. What has none is split. */
export const WHOLE: Readonly<Record<string, string>> = {
  policy: 'one question of a decision is one file; who audits a decision reads all of them, and nobody needs a part',
  lib: 'one small tool is one file, and none of them knows another module',
  formats: 'one standard is one or two files; the tests of CSAF are many and stand in the groups of its own sections',
  store:
    'backup, restore, queue and the embedded server guard one directory and one database; apart, each would need the half of the others',
  sandbox:
    'one layer of containment is one file; layers that could be imported one by one could be left out one by one',
  tlog: 'a file is named after the C2SP specification it follows, and a reader checks them side by side',
  probe: 'one class of flaw is one lane of four to eight files; only the table of lanes knows more than one',
  verify: 'the checks of one claim are read in one sitting; no caller needs a part of them',
  patch: 'the checks of one patch, for the same reason',
  intake:
    'one form of report is one file; they share what a claim is, and how its fate is decided is read in one sitting',
  contact: 'one channel is one client, and all of them are held to one machine over one table',
  disclosure: 'three machines, their stores and the outbox move in one transaction',
  coordination:
    'who takes part in a case, what each sees and what each is written follow from one list of changes; no caller needs a part of it',
  campaign: 'the jobs that join the modules: each file joins two or three, and none of them is used by another module',
  gateway: 'one step of a call is one file; who audits a call walks all of them, and no other module uses a part',
  api: 'one noun of the API is one file; they share how a request is checked and answered, and nothing else',
  cli: 'one noun of the command line is one file; they share how input is read and nothing else',
};

/** Entered file by file rather than by a door, because each file is one small tool. */
export const FOUNDATION = new Set(['lib', 'store', 'formats']);

/** Where the outside comes in. Edges translate and decide nothing, so they hold no domain files. */
const EDGES = new Set(['http', 'api', 'cli']);

/** A file with one of these endings does that kind of I/O. */
const ROLES = ['store', 'routes', 'job', 'client', 'worker', 'service'];

/** Code that runs inside the sandbox: it imports nothing of ours but other such files, and nothing it says is trusted. */
export function isInside(file: string): boolean {
  return file.endsWith('-inside.ts');
}

/**
 * A file is the module's service if it bears the module's name, does I/O if it bears a role,
 * and is domain otherwise. Domain files see only `lib`, `formats` and each other.
 */
export function isDomain(file: string): boolean {
  const [top, module = '', name = ''] = file.split('/');
  const isService = name === 'index.ts' || name === `${module}.ts`;
  const hasRole = ROLES.some((role) => name.endsWith(`-${role}.ts`));
  return top === 'src' && !FOUNDATION.has(module) && !EDGES.has(module) && !isService && !hasRole && !isInside(file);
}
