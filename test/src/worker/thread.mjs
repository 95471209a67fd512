/** The script of Node's worker from its source: tsx does not reach worker threads by itself. */
import {register} from 'tsx/esm/api';

register();
await import('../../../src/node/worker_main.ts');
