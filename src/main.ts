/** Composition root: makes the parts and joins them. */
import { readConfig } from './config.ts';

const config = readConfig(process.env);
process.stderr.write(`headstart: data directory ${config.home}\n`);
