/** Hooks around every test, which .mocharc.json names: they close what a test left open, after a time-out too. */

import {closeLeftOvers} from './opened.js';

export const mochaHooks: Mocha.RootHookObject = {
  afterEach: () => closeLeftOvers('test'),
  async afterAll() {
    await closeLeftOvers('test');
    await closeLeftOvers('run');
  },
};
