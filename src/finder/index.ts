export type { Candidate, SourcePosition } from './candidate.ts';
