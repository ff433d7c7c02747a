/** The door of funding: proposals, approvals, postings, public accounts. */
export { APPROVALS, createFunding, type Funding, type FundingRefusal, type FundProposal } from './funding.ts';
