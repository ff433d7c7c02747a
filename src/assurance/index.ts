/** The door of assurance: what was decided, and what the records say, written out for people. */
export { toHtml, toMarkdown } from './document.ts';
export { REPORT_KINDS, type ReportKind } from './record-figures.ts';
export { differingFigures, type RecordReport, readRecordReport, renderRecordReport } from './record-report.ts';
export {
  openRecordReport,
  type RecordParts,
  type RecordRefusal,
  recountRecordReport,
} from './record-report-service.ts';
export { reportSafetyCase } from './safety-case-report.ts';
export { type CaseParts, type CaseRefusal, openCaseOf, openDraft } from './safety-case-service.ts';
