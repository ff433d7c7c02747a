/** Whether two records tell of the same flaw, and which pairs are worth asking about. Pure: who keeps them is `intake`. */
export { candidateKeys, MAX_BUCKET } from './candidate-key.ts';
export { type Census, takeCensus } from './census.ts';
export { CAPABILITIES, type Capability, type Chain, findChains, type Hold, type Link } from './chain.ts';
export { type Clustered, cluster } from './cluster.ts';
export { type DuplicateRecord, readDuplicateRecord } from './duplicate-record.ts';
export { type Judgement, judge, mayBeAlike } from './judge.ts';
export { type Signature, signatureOf } from './signature.ts';
