#!/usr/bin/env node
/** The program `tfjs-swint`. */
import {run} from './run.js';

process.exitCode = await run(process.argv.slice(2), {out: process.stdout, err: process.stderr});
