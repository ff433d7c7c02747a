/** All lanes of the search, in the order in which their groups are started. */
import { createCallLane } from './call-lane.ts';
import type { Lane } from './lane.ts';
import { redosLane } from './redos-lane.ts';
import { traversalLane } from './traversal-lane.ts';

export function createLanes(): readonly Lane[] {
  return [
    createCallLane('prototype-pollution'),
    createCallLane('command-injection'),
    createCallLane('code-injection'),
    traversalLane,
    redosLane,
  ];
}
