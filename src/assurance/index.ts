/** The door of assurance: what was decided, written out for people. */
export { toHtml, toMarkdown } from './document.ts';
export { reportSafetyCase } from './safety-case-report.ts';
export { type CaseParts, type CaseRefusal, openCaseOf, openDraft } from './safety-case-service.ts';
