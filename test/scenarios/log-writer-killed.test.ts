import { test } from 'node:test';
import { killWriters } from './log-writer-killed.ts';

test('of 6 log writers killed at any moment none loses, doubles or forks anything', () => killWriters(6));
